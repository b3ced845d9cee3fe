"""The same chain as processes of their own, against Kafka, a schema registry and a ClickHouse server."""
