"""Rules, runbooks and metrics belong together; promtool has the last word."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest

import schemas.metrics as of_roles
from schemas.promises import ADVICE, KINDS, LEVELS
from sinks.alerts import metrics
from sinks.alerts.settings import Filter
from sinks.alerts.words import ADVICE_WORDS, LEVEL_WORDS, NAMES, RUNBOOKS
from sinks.clickhouse.embedded import ChdbStore
from tests.delivery.alerts import alert, numbered, resolved
from tests.delivery.delivering import delivering
from tests.delivery.receiver import Receiver
from yizhan.servers.prometheus import promtool

ROOT: Final = Path(__file__).parents[2]
RULES: Final = sorted((ROOT / "docker/prometheus/rules").glob("*.yml"))
TESTS: Final = sorted((ROOT / "docker/prometheus/tests").glob("*.yml"))
PAGES: Final = ROOT / "docs/runbooks"
Rule = dict[str, Any]


def rules() -> Iterator[Rule]:
    for file in RULES:
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            yield from group["rules"]


def alerts() -> list[Rule]:
    return [rule for rule in rules() if "alert" in rule]


def declared() -> set[str]:
    """Every series of ours that a role may show, and every figure that a rule records."""
    assert of_roles.ADMITTED
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    found = {f"{family.name}{end}" for family in REGISTRY.collect() for end in suffixes.get(family.type, ("",))}
    return found | {rule["record"] for rule in rules() if "record" in rule}


def asked(expression: str) -> set[str]:
    return set(re.findall(r"[\w:]*yizhan_[\w:]+", expression))


def test_the_rules_are_ones_prometheus_takes() -> None:
    """By its own tool."""
    said = subprocess.run([promtool(), "check", "rules", *RULES], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count("SUCCESS") == len(RULES) >= 3


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_the_rules_fire_when_they_must_and_not_else(file: Path) -> None:
    """Unit tests of promtool's."""
    said = subprocess.run([promtool(), "test", "rules", file], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_alert_is_tested_both_ways() -> None:
    """A time at which it fires, and one at which it does not."""
    cases = [
        (case["alertname"], bool(case["exp_alerts"]))
        for file in TESTS
        for test in yaml.safe_load(file.read_text("utf-8"))["tests"]
        for case in test.get("alert_rule_test", [])
    ]
    names = {rule["alert"] for rule in alerts()}
    assert len(names) >= 14
    assert {name for name, fires in cases if fires} == names
    assert {name for name, fires in cases if not fires} == names


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    """Rules and incidents name pages that exist; a page is headed by those that name it."""
    named = [(rule["alert"], ROOT / rule["annotations"]["runbook"]) for rule in alerts()]
    named += [(NAMES[kind], PAGES / f"{page}.md") for kind, page in RUNBOOKS.items()]

    assert {page for _, page in named} == set(PAGES.glob("*.md"))
    for name, page in named:
        assert name in page.read_text("utf-8").splitlines()[0], page


def test_every_series_a_rule_asks_for_is_declared() -> None:
    """In schemas/metrics.py, in sinks/alerts/metrics.py, or recorded by a rule."""
    wanted = {name for rule in rules() for name in asked(rule["expr"])}
    assert len(wanted) >= 14
    assert wanted <= declared()
    assert asked("sum(yizhan_typo_total) + a:yizhan_b:sum") == {"yizhan_typo_total", "a:yizhan_b:sum"}
    assert "yizhan_typo_total" not in declared()


def test_metrics_are_named_as_prometheus_wants_them(embedded: ChdbStore, tmp_path: Path) -> None:
    """What we serve passes promtool's own check."""
    with delivering(tmp_path, embedded, Receiver().settings()) as desk:
        desk.tell([alert()])
        ours = b"".join(_ours(generate_latest()))
    said = subprocess.run([promtool(), "check", "metrics"], input=ours, capture_output=True, check=False)
    assert b'yizhan_open_alerts{county="520330000000"' in ours
    assert said.returncode == 0, said.stdout + said.stderr


def test_open_alerts_are_counted_by_place_and_not_by_parcel(embedded: ChdbStore, tmp_path: Path) -> None:
    """Kind, level, county and township; what is resolved is not counted; nothing is once the role has ended."""
    with delivering(tmp_path, embedded, Receiver().settings(only={"kinds": ["WAITING"]})) as desk:
        desk.tell([*numbered(5), alert(alert_id="b", incident_id="i2", township=None), resolved(alert_id="a0")])
        counts = {tuple(labels.values()): value for labels, value in _samples("yizhan_open_alerts")}
        incidents = [value for _, value in _samples("yizhan_open_incidents")]
        labels = [set(labels) for labels, _ in _samples("yizhan_open_alerts")]

    place = ("VILLAGE_LATE", "OVERDUE", "520330000000")
    assert counts == {(*place, "520330101000"): 4, (*place, "UNKNOWN"): 1}
    assert sum(incidents) == 2
    assert labels == [{"kind", "level", "county", "township"}] * 2
    assert _samples("yizhan_open_alerts") == []


def test_a_queue_is_counted_by_endpoint(embedded: ChdbStore, tmp_path: Path) -> None:
    """How many wait, and for how long the oldest has."""
    with delivering(tmp_path, embedded, Receiver(port=9).settings("away")) as desk:
        desk.tell(numbered(3))
        assert _samples("yizhan_webhook_waiting") == [({"endpoint": "away"}, 3)]
        ((_, oldest),) = _samples("yizhan_webhook_oldest_seconds")
        assert 0 <= oldest < 60


def test_words_are_those_of_the_promises() -> None:
    """Every code has its words and no other has; filters know the same kinds and levels."""
    assert set(NAMES) == set(RUNBOOKS) == set(KINDS)
    assert set(LEVEL_WORDS) == set(ADVICE)
    assert set(ADVICE_WORDS) == set(ADVICE.values())
    assert _choices("kinds") == KINDS
    assert _choices("levels") == LEVELS


def _choices(name: str) -> tuple[str, ...]:
    return get_args(get_args(Filter.model_fields[name].annotation)[0])


def _samples(name: str) -> list[tuple[dict[str, str], float]]:
    return [(s.labels, s.value) for family in metrics.STANDING.collect() if family.name == name for s in family.samples]


def _ours(text: bytes) -> Iterator[bytes]:
    for line in text.splitlines(keepends=True):
        if b"yizhan_" in line.split(b"{")[0]:
            yield line
