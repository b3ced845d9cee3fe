"""The whole chain in one process: librdkafka's in-process broker, the roles as threads, chdb on disk."""
