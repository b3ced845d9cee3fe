"""Alerts as incidents for Alertmanager: what hangs together is told once, with how many parcels it holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson

from sinks.alerts.alert import Alert
from sinks.alerts.marks import Marks
from sinks.alerts.words import ADVICE_WORDS, LEVEL_WORDS, NAMES, RUNBOOKS

OVERDUE: Final = "OVERDUE"
VILLAGE_LATE: Final = "VILLAGE_LATE"
"""Its incidents are a township's; those of the other kinds lie where the parcels were last seen."""
SHOWN: Final = 10
"""Waybills named in an incident; the rest is counted."""


@dataclass(frozen=True)
class Incident:
    """One alert of Alertmanager; `since` and `quiet_until` in epoch ms, 0: to be repeated."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    since: int
    quiet_until: int

    @property
    def key(self) -> str:
        """Its labels as one text: what makes it the same incident to Alertmanager."""
        return key(self.labels)


def key(labels: Mapping[str, str]) -> str:
    """Labels as one text."""
    return orjson.dumps(dict(labels), option=orjson.OPT_SORT_KEYS).decode()


def incidents(alerts: Iterable[Alert], marks: Marks) -> dict[str, Incident]:
    """Incidents by key, of the alerts that stand open; one is quiet while each of its alerts is.

    A parcel that is overdue is at risk no more: it stands in the graver incident alone.
    """
    standing = list(alerts)
    graver = {_matter(alert) for alert in standing if alert.level == OVERDUE}
    together: dict[str, list[Alert]] = defaultdict(list)
    for alert in (a for a in standing if a.level == OVERDUE or _matter(a) not in graver):
        together[key(_labels(alert))].append(alert)
    found = (_incident(sorted(some, key=lambda a: (a.raised_at, a.alert_id)), marks) for some in together.values())
    return {incident.key: incident for incident in found}


def _matter(alert: Alert) -> tuple[str, str, str]:
    return alert.kind, alert.parcel_id or alert.facility_id or "", alert.stage


def _incident(alerts: Sequence[Alert], marks: Marks) -> Incident:
    first = alerts[0]
    quiet = min(marks.quiet_until(alert) for alert in alerts)
    return Incident(_labels(first), _annotations(alerts), first.raised_at, quiet)


def _labels(alert: Alert) -> dict[str, str]:
    """What the alerts of an incident have in common; a county each, since counties are told apart."""
    late = alert.kind == VILLAGE_LATE
    labels = {
        "alertname": NAMES[alert.kind],
        "service": "yizhan",
        "kind": alert.kind,
        "level": alert.level,
        "stage": alert.stage,
        "custodian": alert.custodian,
        "county": alert.county,
        "township": alert.township if late else None,
        "place": None if late else alert.facility_id,
        "incident": alert.incident_id,
    }
    return {name: value for name, value in labels.items() if value}  # Alertmanager knows no empty labels


def _annotations(alerts: Sequence[Alert]) -> dict[str, str]:
    first = alerts[0]
    deadlines = [alert.deadline_at for alert in alerts if alert.deadline_at is not None]
    waybills = [alert.shown_by for alert in alerts if alert.shown_by]
    count = len(waybills) or first.parcels
    more = f" and {len(waybills) - SHOWN} more" if len(waybills) > SHOWN else ""
    told = {
        "summary": f"{count} {'parcel' if count == 1 else 'parcels'}: {LEVEL_WORDS[first.kind, first.level]}",
        "advice": ADVICE_WORDS[first.advice],
        "deadline": _iso(min(deadlines)) if deadlines else "",
        "waybills": ", ".join(waybills[:SHOWN]) + more,
        "runbook": f"docs/runbooks/{RUNBOOKS[first.kind]}.md",
    }
    return {name: value for name, value in told.items() if value}


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")
