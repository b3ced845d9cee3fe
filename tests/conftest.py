"""Real servers that any test may take, each started once a session: imported nowhere else, or there are two."""

from tests.servers.fixtures import clickhouse_server, kafka_server, registry_server, secure_kafka

__all__ = ["clickhouse_server", "kafka_server", "registry_server", "secure_kafka"]
