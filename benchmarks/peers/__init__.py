"""Our job beside Kafka Streams, Flink, Quix Streams and Faust as published, on the same scans, in one run."""
