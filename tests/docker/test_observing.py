"""Prometheus, Alertmanager and Grafana: what they ask for is there, what they are shown is well formed."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase

from schemas import metrics
from sinks.clickhouse import migrate
from sinks.clickhouse.embedded import ChdbStore
from tests.docker import stack as s
from yizhan.cluster.settings import ClusterSettings
from yizhan.servers.container import Authority, shares
from yizhan.servers.prometheus import amtool, promtool

DASHBOARDS: Final = sorted((s.DOCKER / "grafana/dashboards").glob("*.json"))
SOURCES: Final = s.DOCKER / "grafana/provisioning/datasources/yizhan.yaml"


def _prometheus() -> Any:  # noqa: ANN401  # YAML
    return yaml.safe_load((s.DOCKER / "prometheus/prometheus.yml").read_text("utf-8"))


def _targets(config: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # YAML
    """Host and port of everything that is asked."""
    for job in config["scrape_configs"]:
        for static in job.get("static_configs", []):
            yield from (tuple(target.split(":")) for target in static["targets"])
        for looked_up in job.get("dns_sd_configs", []):
            yield from ((name, str(looked_up["port"])) for name in looked_up["names"])
    for told in config["alerting"]["alertmanagers"]:
        yield from (tuple(target.split(":")) for static in told["static_configs"] for target in static["targets"])


def strangers(config: Any, stack: s.Stack) -> list[str]:  # noqa: ANN401  # YAML
    """Targets that are no service on Prometheus's network or have another port than the one shown."""
    health = str(ClusterSettings.model_fields["health_port"].default)
    ports = dict.fromkeys(s.role_services(stack), health) | {
        "kafka": "7071",
        "alertmanager": "9093",
        "localhost": "9090",
    }
    near = {name for name, told in stack.services.items() if "metrics" in told.get("networks", [])} | {"localhost"}
    return [f"{host}:{port}" for host, port in _targets(config) if host not in near or ports.get(host) != port]


def test_prometheus_asks_every_role_and_nobody_who_is_not_there() -> None:
    stack = s.read()
    assert strangers(_prometheus(), stack) == []
    assert set(s.role_services(stack)) <= {host for host, _ in _targets(_prometheus())}
    broken = json.loads(json.dumps(_prometheus()).replace("sink:9464", "sink:9465").replace("kafka:7071", "kafak:7071"))
    assert strangers(broken, stack) == ["sink:9465", "kafak:7071"]


def test_the_rules_name_the_job_that_prometheus_has() -> None:
    jobs = {job["job_name"] for job in _prometheus()["scrape_configs"]}
    rules = "".join(path.read_text("utf-8") for path in (s.DOCKER / "prometheus/rules").glob("*.yml"))
    assert set(re.findall(r'job="(\w+)"', rules)) <= jobs


def _checked(words: list[str], given: bytes | None = None) -> tuple[int, str]:
    said = subprocess.run(words, input=given, capture_output=True, check=False)
    return said.returncode, (said.stdout + said.stderr).decode()


def test_prometheus_and_alertmanager_take_their_files(tmp_path: Path) -> None:
    text = (s.DOCKER / "prometheus/prometheus.yml").read_text("utf-8")
    here = tmp_path / "prometheus.yml"
    here.write_text(text.replace("/etc/prometheus", str(s.DOCKER / "prometheus")))
    code, said = _checked([promtool(), "check", "config", str(here)])
    assert code == 0, said
    assert said.count("rules found") >= 3
    here.write_text(text.replace("scrape_interval", "scrape_intervall"))
    assert _checked([promtool(), "check", "config", str(here)])[0] != 0
    assert _checked([amtool(), "check-config", str(s.DOCKER / "alertmanager/alertmanager.yml")])[0] == 0


def _declared() -> dict[str, MetricWrapperBase]:
    return {name: made for name, made in vars(metrics).items() if isinstance(made, MetricWrapperBase)}


def _touch(made: Any) -> None:  # noqa: ANN401  # a metric of any kind
    one = made.labels(*("x" for _ in made._labelnames)) if made._labelnames else made  # noqa: SLF001  # no public way
    getattr(one, {"counter": "inc", "gauge": "set", "histogram": "observe"}[made._type])(0)  # noqa: SLF001  # the same


def test_promtool_has_nothing_to_say_of_the_metrics() -> None:
    for made in _declared().values():
        _touch(made)
    shown = generate_latest()
    assert all(made._name in shown.decode() for made in _declared().values())  # noqa: SLF001  # no public name
    assert _checked([promtool(), "check", "metrics"], shown) == (0, "")


def test_promtool_has_something_to_say_of_a_careless_metric() -> None:
    code, said = _checked([promtool(), "check", "metrics"], b"# TYPE scans counter\nscans 1\n")
    assert code != 0
    assert "_total" in said


def _series() -> set[str]:
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return {f"{made._name}{end}" for made in _declared().values() for end in ends[str(made._type)]}  # noqa: SLF001  # no public way


def unheard_of(dashboard: str) -> list[str]:
    """Metrics of ours that a dashboard asks for and nobody shows, and data sources nobody provides."""
    asked = set(re.findall(r"\byizhan_\w+", dashboard)) - _series()
    provided = {source["uid"] for source in yaml.safe_load(SOURCES.read_text("utf-8"))["datasources"]}
    used = {panel["datasource"]["uid"] for panel in json.loads(dashboard)["panels"]}
    return sorted(asked | (used - provided))


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_asks_for_what_there_is(file: Path) -> None:
    text = file.read_text("utf-8")
    assert unheard_of(text) == []
    assert unheard_of(text.replace("rows_written_total", "written_rows_total")) == ["yizhan_written_rows_total"]
    assert unheard_of(text.replace('"uid": "clickhouse"', '"uid": "store"')) == ["store"]


def test_the_roles_dashboard_shows_lag_readiness_rows_latency_and_dead_letters() -> None:
    text = (s.DOCKER / "grafana/dashboards/roles.json").read_text("utf-8")
    for shown in (metrics.LAG, metrics.ROLE_READY, metrics.WRITTEN, metrics.SCAN_TO_STORED, metrics.DEAD_LETTERS):
        assert shown._name in text  # noqa: SLF001  # no public name
    assert "histogram_quantile(0.5," in text
    assert "histogram_quantile(0.99," in text


def test_clickhouse_answers_what_the_dashboards_ask(tmp_path: Path) -> None:
    asked = [
        target["rawSql"]
        for file in DASHBOARDS
        for panel in json.loads(file.read_text("utf-8"))["panels"]
        for target in panel["targets"]
        if "rawSql" in target
    ]
    assert asked
    store = ChdbStore(tmp_path)
    try:
        migrate.apply(store, None)
        for sql in asked:
            assert store.query(sql).num_columns > 1
    finally:
        store.close()


def test_grafana_finds_its_sources_as_compose_has_them(tmp_path: Path) -> None:
    prometheus, clickhouse = yaml.safe_load(SOURCES.read_text("utf-8"))["datasources"]
    stack = s.read()
    assert prometheus["url"].split("/")[2].split(":")[0] in stack.services
    told, sink = clickhouse["jsonData"], stack.services["sink"]["environment"]
    assert told["secure"] is told["tlsAuthWithCACert"] is True
    assert told["host"] == sink["YIZHAN_CLICKHOUSE_HOST"]
    assert str(told["port"]) == sink["YIZHAN_CLICKHOUSE_PORT"]
    assert told["username"] == "reader"
    files = re.findall(r"\$__file\{/run/yizhan/([\w.]+)\}", SOURCES.read_text("utf-8"))
    assert set(files) <= set(shares(Authority(tmp_path))["grafana"].files)
