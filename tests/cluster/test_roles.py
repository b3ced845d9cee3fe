"""Roles against real, secured servers: what they answer, what they refuse, how they end."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import KafkaException, Producer

from schemas.reader import Reader
from schemas.registry import RegistryError
from sinks.clickhouse.server import ServerStore
from sinks.clickhouse.store import StoreError
from tests.chain.running import COUNTY
from tests.cluster.deployment import Deployment
from tests.faults.feed import copy_of
from tests.faults.ledger import Publisher
from tests.faults.processes import Role, until
from yizhan.cluster.clients import schema_registry
from yizhan.cluster.settings import read_settings
from yizhan.cluster.vitals import RESTART
from yizhan.servers.prometheus import promtool

ROLES = ("admission", "worker", "sink", "promises", "courier", "watchdog")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("cluster")) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def roles(deployed: Deployment) -> Iterator[dict[str, Role]]:
    started = {name: Role(name, deployed.folder, deployed.settings(name)) for name in ROLES}
    yield {name: role.ready() for name, role in started.items()}
    for role in started.values():
        role.end()


def test_a_claim_to_be_another_is_dead_lettered_and_shows_in_the_metrics(
    deployed: Deployment, roles: dict[str, Role]
) -> None:
    """What yunda publishes as somebody else is yunda's dead letter."""
    publisher = Publisher(deployed)
    claim = replace(copy_of(0)[0], network="yunda")
    publisher.publish([claim])

    shown = 'yizhan_dead_letters_total{network="yunda",reason="SOURCE_MISMATCH"} 1.0'
    until(lambda: shown in roles["admission"].metrics(), "the letter is not counted")
    with deployed.store() as store:
        sql = "SELECT source, reason FROM dead_letters WHERE source = 'yunda'"
        until(lambda: store.query(sql).num_rows == 1, "the letter is not stored")
        assert store.query(sql).to_pylist() == [{"source": "yunda", "reason": "SOURCE_MISMATCH"}]


def test_a_write_to_anothers_topic_is_refused_and_shows_in_the_brokers_metrics(deployed: Deployment) -> None:
    refused = Publisher(deployed).forge("yunda", "china-post", b"{}")

    assert refused == "TOPIC_AUTHORIZATION_FAILED"
    counted = 'error="TOPIC_AUTHORIZATION_FAILED"'
    until(lambda: counted in httpx.get(deployed.kafka.metrics[0]).text, "the broker does not count it")


@pytest.mark.parametrize(
    "topic", ["scans.carrier", "parcels.lifecycle", "ingress.import", "yizhan-timelines-changelog"]
)
def test_internal_topics_are_ours_alone(deployed: Deployment, topic: str) -> None:
    """A network can neither write them nor read them."""
    said: list[Any] = []
    producer = deployed.publisher("sf")
    producer.produce(topic, b"x", on_delivery=lambda error, _: said.append(error))
    producer.flush()
    assert said[0].name() == "TOPIC_AUTHORIZATION_FAILED"

    reader = Reader(deployed.kafka.client("sf", deployed.password("sf")), "sf", [topic])
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        reader.run(print, threading.Event())


def test_every_roles_metrics_are_as_prometheus_wants_them(roles: dict[str, Role]) -> None:
    for name, role in roles.items():
        checked = _checked(role.metrics())
        assert checked.returncode == 0, f"{name}: {checked.stderr}"
        assert f'yizhan_role_ready{{role="{name}"}} 1.0' in role.metrics()


def test_a_broken_metric_is_noticed() -> None:
    assert _checked("Bad-Name 1\n").returncode != 0


def test_the_account_and_the_commands_that_ask_the_server(deployed: Deployment, roles: dict[str, Role]) -> None:
    """An import is an operator's; the same questions as on one machine go to the server."""
    bad = deployed.folder / "canonical.ndjson"
    bad.write_bytes(b"\n".join(document.payload for document in copy_of(77)[:400]) + b"\n")

    assert '"acknowledged": 400' in deployed.command("import", str(bad), "--json", role="operator")
    sql = "SELECT count() AS n FROM scan_events WHERE tracking_number LIKE 'K77-%'"
    until(lambda: deployed.rows("sql", sql)[0]["n"] > 350, "the import is not stored")
    sql = "SELECT splitByChar(':', shown_by)[2] AS t FROM parcels WHERE shown_by LIKE '%:K77-%' LIMIT 1"
    until(lambda: bool(deployed.rows("sql", sql)), "no parcel of the import is stored")
    number = deployed.rows("sql", sql)
    assert number[0]["t"] in deployed.command("track", number[0]["t"])
    groups = {"yizhan-admission", "yizhan", "yizhan-sink", "yizhan-alerts", "yizhan-courier"}
    assert {row["group"] for row in deployed.rows("lag")} == groups
    until(
        lambda: 'yizhan_group_lag_records{group="yizhan"} 0.0' in roles["watchdog"].metrics(), "the watchdog sees none"
    )


def test_checks_of_topics_schemas_and_tables_say_what_is_not_as_wanted(deployed: Deployment) -> None:
    assert {row["state"] for row in deployed.rows("topics", "check")} == {"ok"}
    assert all(row["registered"] for row in deployed.rows("schemas", "check"))
    assert all(row["applied"] for row in deployed.rows("migrate", "status"))
    assert deployed.command("migrate", "up", "--dry-run") == ""
    assert "DROP TABLE" in deployed.command("migrate", "down", "--to", "0", "--dry-run")

    wanted = {**deployed.settings(), "YIZHAN_PARTITIONS": "12"}
    assert "4 partitions, not 12" in deployed.command("topics", "check", code=1, env=wanted)


def test_targets_are_put_in_force_on_the_topic_and_shown_by_the_store(deployed: Deployment) -> None:
    """What the reference folder says, once; then a change, which the next worker and ClickHouse go by."""
    deployed.command("sla", "load", str(COUNTY), "--by", "li", role="operator")
    assert "in force already" in deployed.command("sla", "load", str(COUNTY), role="operator")
    changed = deployed.folder / "changed"
    changed.mkdir()
    (changed / "targets.csv").write_text("stage,service,area_class,target\ncounty,STANDARD,ANY,12\n", "utf-8")
    deployed.command("sla", "load", str(changed), "--by", "wu", role="operator")

    shown = json.loads(deployed.command("sla", "show", "--json", role="operator"))
    assert [(row["by"], row["since"] == "ever", row["targets"]) for row in shown] == [
        ("li", True, 72),
        ("wu", False, 1),
    ]
    deployed.command("reference", "load")
    sql = "SELECT recorded_by, count() AS n FROM target_editions GROUP BY recorded_by ORDER BY n"
    assert [(row["recorded_by"], row["n"]) for row in deployed.rows("sql", sql)] == [("wu", 1), ("li", 72)]
    worker = Role("worker", deployed.folder, deployed.settings("worker")).ready()
    assert worker.stop() == 0, "it may read the topic"


def test_users_are_listed_with_what_they_may_do_and_can_be_removed(deployed: Deployment, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    deployed.command("users", "add", "yto", "--password-file", str(secret))
    assert secret.stat().st_mode & 0o777 == 0o600
    listed = {row["user"]: row["may"] for row in deployed.rows("users", "list")}
    assert listed["yto"] == ["WRITE TOPIC ingress.carrier.yto"]
    assert secret.read_text() not in deployed.command("users", "list")

    deployed.command("users", "remove", "yto")
    assert "yto" not in {row["user"] for row in deployed.rows("users", "list")}
    assert "no network of networks.csv" in deployed.command(
        "users", "add", "nobody", "--password-file", str(secret), code=1
    )


def test_a_wrong_host_name_is_refused_everywhere(deployed: Deployment) -> None:
    """The certificates are of 127.0.0.1 and localhost; 127.0.0.2 is this machine, too, but not they."""
    kafka = {**deployed.kafka.client(), "bootstrap.servers": deployed.kafka.bootstrap.replace("127.0.0.1", "127.0.0.2")}
    assert not _answers(kafka)
    assert _answers(dict(deployed.kafka.client()))

    settings = {k.removeprefix("YIZHAN_").lower(): v for k, v in deployed.settings().items()}
    wrong = settings | {"registry_url": settings["registry_url"].replace("127.0.0.1", "127.0.0.2")}
    with pytest.raises(RegistryError):
        schema_registry(read_settings(**wrong)).versions("scans.carrier-value")
    with pytest.raises(StoreError):
        ServerStore(replace(deployed.store_settings(), host="127.0.0.2"))


def _answers(client: dict[str, Any]) -> bool:
    try:
        return bool(Producer({**client, "log_level": 0}).list_topics(timeout=4).topics)
    except KafkaException:
        return False


def test_a_reader_of_clickhouse_changes_nothing(deployed: Deployment) -> None:
    with ServerStore(deployed.store_settings("reader")) as store:
        assert store.query("SELECT count() AS n FROM networks")["n"][0].as_py() > 0
        with pytest.raises(StoreError, match="readonly"):
            store.command("INSERT INTO stored_clock SELECT 1, 1")


def test_a_role_that_is_told_to_stop_ends_with_0(deployed: Deployment) -> None:
    role = Role("sink", deployed.folder, deployed.settings("sink")).ready()

    assert role.stop() == 0


def test_a_role_that_commits_nothing_ends_and_is_started_again(deployed: Deployment) -> None:
    """ClickHouse hangs: the sink waits for its answer, and whoever looks at the commits from outside ends it."""
    env = deployed.settings("sink") | {"YIZHAN_STALL_SECONDS": "2", "YIZHAN_PATIENCE_SECONDS": "600"}
    role = Role("sink", deployed.folder, env).ready()
    deployed.clickhouse.pause()
    try:
        Publisher(deployed).publish(copy_of(78)[:50])
        until(lambda: role.codes[RESTART] > 0, lambda: f"it does not end: {role.log()[-2000:]}")
    finally:
        deployed.clickhouse.resume()

    assert "nothing committed: ending" in role.log()
    role.ready()
    assert role.stop() == 0


def test_a_hung_role_is_not_ready(deployed: Deployment) -> None:
    role = Role("admission", deployed.folder, deployed.settings("admission")).ready()
    role.hang()
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://127.0.0.1:{role.port}/livez", timeout=1)
    role.send(signal.SIGCONT)
    role.ready()
    assert role.stop() == 0


def test_without_settings_a_role_says_what_to_set(deployed: Deployment) -> None:
    said = deployed.command("worker", code=1, env={"YIZHAN_REFERENCE": "/nowhere"})

    assert "YIZHAN_KAFKA_BROKERS" in said
    assert "Traceback" not in said


def _checked(metrics: str) -> "subprocess.CompletedProcess[str]":
    told = [promtool(), "check", "metrics"]
    return subprocess.run(told, input=metrics, text=True, capture_output=True, check=False)
