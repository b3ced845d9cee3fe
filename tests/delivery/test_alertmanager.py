"""Incidents told to a real Alertmanager, which tells a receiver of ours by the routes we ship."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from sinks.alerts.incidents import incidents
from sinks.alerts.marks import ACKNOWLEDGED, ACKNOWLEDGED_FOR_MS, SNOOZED, Mark, Marks, write_marks
from sinks.clickhouse.embedded import ChdbStore
from tests.delivery.alerts import alert, numbered, resolved
from tests.delivery.delivering import Desk, delivering
from tests.delivery.receiver import Receiver, receiving
from yizhan.servers.prometheus import Alertmanager, amtool

CONFIG: Final = Path(__file__).parents[2] / "docker" / "alertmanager" / "alertmanager.yml"
Told = list[dict[str, Any]]


def hurried(pager: Receiver, repeat: str = "24h") -> str:
    """Our configuration with one receiver for all, and without its waits."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    to = [{"url": f"http://127.0.0.1:{pager.port}/"}]
    config["receivers"] = [{"name": r["name"], "webhook_configs": to} for r in config["receivers"]]
    routes = [config["route"]]
    while routes:
        route = routes.pop()
        route |= {"group_wait": "50ms", "group_interval": "200ms", "repeat_interval": repeat}
        routes += route.get("routes", [])
    return yaml.safe_dump(config)


@contextmanager
def paging(folder: Path, store: ChdbStore, repeat: str = "24h") -> Iterator[tuple[Desk, Receiver, Alertmanager]]:
    """Deliveries to an Alertmanager that tells a pager."""
    with receiving(Receiver(verify=False)) as pager, Alertmanager(folder / "am", hurried(pager, repeat)) as running:
        told = {"url": running.url, "resend_seconds": 1}
        with delivering(folder, store, alertmanager=told) as desk:
            yield desk, pager, running


def alerts_of(told: Told) -> Told:
    return [alert for notice in told for alert in notice["alerts"]]


def levels(told: Told, status: str = "firing") -> list[str]:
    return [a["labels"]["level"] for a in alerts_of(told) if a["status"] == status]


def silences(running: Alertmanager) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{running.url}/api/v2/silences").raise_for_status().json()
    return [silence for silence in found if silence["status"]["state"] != "expired"]


def test_a_blocked_road_is_one_incident_and_ends_once(embedded: ChdbStore, tmp_path: Path) -> None:
    """300 parcels are one notice with what a person needs; it ends when the last parcel moved."""
    with paging(tmp_path, embedded) as (desk, pager, _):
        desk.tell(numbered(300))
        pager.wait_until(lambda told: bool(levels(told)))
        desk.tell([resolved(alert_id=f"a{n}") for n in range(299)])
        desk.tell([resolved(alert_id="a299")])
        told = alerts_of(pager.wait_until(lambda told: bool(levels(told, "resolved"))))

    assert [a["status"] for a in told] == ["firing", "resolved"]
    assert told[0]["labels"] == {
        "alertname": "VillageLate",
        "service": "yizhan",
        "kind": "VILLAGE_LATE",
        "level": "OVERDUE",
        "stage": "village_delivery",
        "custodian": "china-post",
        "county": "520330000000",
        "township": "520330101000",
        "incident": "i1",
    }
    said = told[0]["annotations"]
    assert said["summary"] == "300 parcels: delivery to the village is late"
    assert said["waybills"].endswith("and 290 more")
    assert said["deadline"] == "2026-03-08T20:00:00+00:00"
    assert said["runbook"] == "docs/runbooks/village-late.md"


def test_a_parcel_that_is_overdue_is_told_as_at_risk_no_more(embedded: ChdbStore, tmp_path: Path) -> None:
    """The other parcels of the incident, which can still be saved, are."""
    with paging(tmp_path, embedded) as (desk, pager, running):
        desk.tell(numbered(2, level="AT_RISK", incident_id="risk"))
        pager.wait_until(lambda told: levels(told) == ["AT_RISK"])
        desk.tell([alert(alert_id="late", parcel_id="sf:SF0")])
        pager.wait_until(lambda told: "OVERDUE" in levels(told))
        found = httpx.get(f"{running.url}/api/v2/alerts").raise_for_status().json()
    said = {a["labels"]["level"]: a["annotations"] for a in found}
    assert said["AT_RISK"]["waybills"] == "sf:SF1"
    assert said["OVERDUE"]["summary"] == "1 parcel: delivery to the village is late"


def test_incidents_lie_in_a_township_or_where_parcels_were_last_seen() -> None:
    """Villages of one township are one incident, so are destinations of one centre; a county has its own."""
    late = [alert(alert_id=f"a{n}", village=f"52033010120{n}") for n in range(3)]
    silent = [alert(alert_id=f"b{n}", kind="SILENT", incident_id="i2", township=f"52033010{n}000") for n in (1, 2)]
    far = alert(alert_id="c", kind="SILENT", incident_id="i2", county="520331000000")

    found = [i.labels for i in incidents([*late, *silent, far], Marks()).values()]

    assert [(a.get("township"), a.get("place"), a["county"]) for a in found] == [
        ("520330101000", None, "520330000000"),
        (None, "T-520330101", "520330000000"),
        (None, "T-520330101", "520331000000"),
    ]


def test_an_acknowledged_alert_is_not_repeated_but_escalates(embedded: ChdbStore, tmp_path: Path) -> None:
    """It becomes a silence there, of this incident alone; the silence goes when the alert does."""
    now = time.time_ns() // 1_000_000
    mark = Mark("a1", ACKNOWLEDGED, now + ACKNOWLEDGED_FOR_MS, "li", "the road is closed", now)
    risk = {"level": "AT_RISK", "incident_id": "risk"}
    write_marks(embedded, [mark])
    with paging(tmp_path, embedded, repeat="200ms") as (desk, pager, running):
        desk.tell([alert(**risk), alert(alert_id="other", incident_id="other", parcel_id="sf:OTHER")])
        pager.wait_until(lambda told: len(levels(told)) >= 3)
        assert {a["labels"]["incident"] for a in alerts_of(pager.bodies)} == {"other"}
        assert len(silences(running)) == 1

        desk.tell([resolved(**risk), alert(alert_id="worse")])
        pager.wait_until(lambda told: any(a["labels"]["incident"] == "i1" for a in alerts_of(told)))
        pager.wait_until(lambda _: not silences(running))


def test_a_snoozed_incident_is_silent_until_all_its_alerts_may_speak(embedded: ChdbStore, tmp_path: Path) -> None:
    """Its silence ends when the first snooze of its alerts does; unsnoozed it is told at once."""
    now = time.time_ns() // 1_000_000
    ends = [now + 3_600_000, now + 7_200_000]
    write_marks(embedded, [Mark(f"a{n}", SNOOZED, ends[n], "li", "", now) for n in (0, 1)])
    with paging(tmp_path, embedded) as (desk, pager, running):
        desk.tell([*numbered(2), alert(alert_id="other", incident_id="other", parcel_id="sf:OTHER")])
        pager.wait_until(lambda told: len(levels(told)) == 1)
        (silence,) = silences(running)
        assert abs(_ms(silence["endsAt"]) - ends[0]) < 1000

        write_marks(embedded, [Mark("a0", SNOOZED, now, "li", "", now + 1)])
        told = alerts_of(pager.wait_until(lambda told: len(levels(told)) == 2))
        assert [a["labels"]["incident"] for a in told] == ["other", "i1"]


def test_an_alertmanager_that_was_away_hears_all_that_stands(embedded: ChdbStore, tmp_path: Path) -> None:
    """Killed with all it knew; what ended meanwhile is not told as open."""
    with paging(tmp_path, embedded) as (desk, pager, running):
        desk.tell([alert(), alert(alert_id="gone", incident_id="gone")])
        pager.wait_until(lambda told: len(levels(told)) == 2)
        running.kill()
        desk.tell([resolved(alert_id="gone", incident_id="gone"), alert(alert_id="new", incident_id="new")])
        running.start()
        pager.wait_until(lambda told: "new" in {a["labels"]["incident"] for a in alerts_of(told)})
        found = httpx.get(f"{running.url}/api/v2/alerts").raise_for_status().json()
    assert {a["labels"]["incident"] for a in found} == {"i1", "new"}


def test_between_two_repeats_only_what_changed_is_said(embedded: ChdbStore, tmp_path: Path) -> None:
    """With thousands open, each record that comes would have all of them posted again."""
    with Alertmanager(tmp_path / "am") as running:
        told = {"url": running.url, "resend_seconds": 600}
        with delivering(tmp_path, embedded, alertmanager=told) as desk:
            desk.tell([alert(), alert(alert_id="b", incident_id="grows", parcel_id="sf:B")])
            before = said(running, lambda found: len(found) == 2)
            desk.tell([alert(alert_id="c", incident_id="grows", parcel_id="sf:C")])
            after = said(running, lambda found: found != before)
    assert [name for name in before if after[name] != before[name]] == ["grows"]


def said(running: Alertmanager, enough: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """When it heard last of each incident, once that is enough."""
    until = time.monotonic() + 60
    while not enough(found := _updates(running)):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def _updates(running: Alertmanager) -> dict[str, str]:
    told = httpx.get(f"{running.url}/api/v2/alerts").raise_for_status().json()
    return {alert["labels"]["incident"]: alert["updatedAt"] for alert in told}


def test_the_configuration_is_one_alertmanager_takes() -> None:
    """By its own tool."""
    said = subprocess.run([amtool(), "check-config", CONFIG], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "5 receivers" in said.stdout
    assert "1 inhibit rules" in said.stdout


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"kind": "VILLAGE_LATE", "level": "OVERDUE", "county": "520330000000"}, "county-520330"),
        ({"kind": "VILLAGE_LATE", "level": "AT_RISK", "county": "520330000000"}, "counties"),
        ({"kind": "SILENT", "level": "OVERDUE", "county": "520331000000"}, "counties"),
        ({"kind": "MISSED_TRIP", "level": "OVERDUE", "county": "520330000000"}, "dispatch"),
        ({"kind": "WAITING", "level": "OVERDUE"}, "stations"),
        ({"alertname": "YizhanRoleDown", "severity": "critical"}, "operations"),
    ],
)
def test_each_kind_has_its_receiver(labels: dict[str, str], receiver: str) -> None:
    """By kind, level and county; all else goes to those who run the system."""
    words = [f"{name}={value}" for name, value in labels.items()]
    command = [amtool(), "config", "routes", "test", f"--config.file={CONFIG}", *words]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == receiver


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
