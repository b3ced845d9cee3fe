"""How a process reaches the cluster's servers with its settings: Kafka both ways, registry, ClickHouse."""

import ssl
from typing import Any

import faust
import httpx

from schemas.registry import HttpRegistry, Registry, registry
from sinks.clickhouse.server import ServerSettings, ServerStore
from yizhan.cluster.settings import BadSettings, ClusterSettings

MECHANISM = "SCRAM-SHA-512"


def librdkafka(settings: ClusterSettings) -> dict[str, Any]:
    """Settings of confluent-kafka's clients; the broker's host name is checked."""
    found: dict[str, Any] = {"bootstrap.servers": settings.kafka_brokers}
    if settings.kafka_security == "sasl_ssl":
        found |= {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": MECHANISM,
            "sasl.username": settings.kafka_user,
            "sasl.password": settings.kafka_password.get_secret_value(),
            "ssl.endpoint.identification.algorithm": "https",
        }
        found |= {} if settings.kafka_ca is None else {"ssl.ca.location": str(settings.kafka_ca)}
    return found


def membership(settings: ClusterSettings) -> dict[str, Any]:
    """Of a reader in its group, for confluent-kafka."""
    session = {"session.timeout.ms": int(settings.session_seconds * 1000)}
    return session | ({"group.instance.id": settings.instance} if settings.instance else {})


def faust_membership(settings: ClusterSettings) -> dict[str, Any]:
    """The same for Faust, without the name: aiokafka as a leader that comes back under its name never settles."""
    return {
        "broker_session_timeout": settings.session_seconds,
        "broker_heartbeat_interval": settings.session_seconds / 6,
    }


def faust_security(settings: ClusterSettings) -> dict[str, Any]:
    """The same for Faust's aiokafka."""
    if settings.kafka_security == "plaintext":
        return {}
    context = ssl.create_default_context(cafile=settings.kafka_ca)
    password = settings.kafka_password.get_secret_value()
    credentials = faust.SASLCredentials(
        username=settings.kafka_user, password=password, ssl_context=context, mechanism=MECHANISM
    )
    return {"broker_credentials": credentials}


def schema_registry(settings: ClusterSettings) -> Registry:
    """The registry; over TLS its host name is checked."""
    if not settings.registry_url.startswith("http"):
        return registry(settings.registry_url)
    context = ssl.create_default_context(cafile=settings.registry_ca)
    auth = httpx.BasicAuth(settings.registry_user, settings.registry_password.get_secret_value())
    client = httpx.Client(
        base_url=settings.registry_url.rstrip("/"),
        timeout=10,
        verify=context,
        auth=auth if settings.registry_user else None,
    )
    return HttpRegistry(client)


def store(settings: ClusterSettings) -> ServerStore:
    """The ClickHouse server's database."""
    if not settings.clickhouse_host:
        raise BadSettings("settings:\n  YIZHAN_CLICKHOUSE_HOST: names the server this needs")
    return ServerStore(
        ServerSettings(
            host=settings.clickhouse_host,
            port=settings.clickhouse_port,
            user=settings.clickhouse_user,
            password=settings.clickhouse_password.get_secret_value(),
            database=settings.clickhouse_database,
            secure=settings.clickhouse_secure,
            ca_certs=settings.clickhouse_ca,
        )
    )
