"""Real servers without containers: Kafka, registry, ClickHouse, Prometheus, Alertmanager, each in a folder."""

from yizhan.servers.clickhouse import ClickHouse, User
from yizhan.servers.kafka import Kafka
from yizhan.servers.pki import Pki
from yizhan.servers.prometheus import Alertmanager, Prometheus
from yizhan.servers.registry import Registry

__all__ = ["Alertmanager", "ClickHouse", "Kafka", "Pki", "Prometheus", "Registry", "User"]
