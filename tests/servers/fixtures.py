"""Real servers, each started once for a test session; tests/conftest.py hands them to every test."""

from collections.abc import Iterator

import pytest

from yizhan.servers import ClickHouse, Kafka, Registry

__all__ = ["clickhouse_server", "kafka_server", "registry_server", "secure_kafka"]


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One plain broker. Who kills it starts it again."""
    with Kafka(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker that wants TLS, a password and an ACL."""
    with Kafka(tmp_path_factory.mktemp("secure-kafka"), secure=True) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def registry_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A plain registry, empty at first."""
    with Registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A plain ClickHouse server; its database `default` is empty at first."""
    with ClickHouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server
