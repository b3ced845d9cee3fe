"""Alerts read a second time, parcel by parcel, in plain Python: what the engine must agree with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

HOUR: Final = 3_600_000
SILENCE: Final = {"county": 6 * HOUR, "township": 9 * HOUR, "village_delivery": 12 * HOUR}
FREE: Final = {"china-post": 10 * HOUR}
FREE_ELSEWHERE: Final = 20 * HOUR

Row = Mapping[str, Any]


class Watch(NamedTuple):
    """From when an alert is due, and what it speaks of."""

    since: int
    stage: str
    raised_at: int
    deadline_at: int | None


class Told(NamedTuple):
    """What one record of an alert says."""

    kind: str
    level: str
    parcel: str
    stage: str
    raised_at: int
    deadline_at: int | None
    version: int
    resolution: str | None = None
    resolved_at: int | None = None


Key = tuple[str, str]


@dataclass
class Model:
    """All parcels of a partition and everything that was ever told of them."""

    known: dict[str, Row] = field(default_factory=dict)
    open: dict[str, dict[Key, Told]] = field(default_factory=dict)
    told: set[Told] = field(default_factory=set)

    def take(self, row: Row) -> None:
        """A lifecycle arrives."""
        name = row["parcel_id"]
        before = self.known.get(name)
        if before is not None:
            if (row["version"], row["judged_at"]) <= (before["version"], before["judged_at"]):
                return
            self._raise(before, after=before["judged_at"], until=row["judged_at"])
        self._end(before, row)
        self.known[name] = row

    def sweep(self, now: int) -> None:
        """The clock is looked at."""
        for row in self.known.values():
            self._raise(row, after=0, until=now)

    def _raise(self, row: Row, after: int, until: int) -> None:
        for key, watch in watches(row).items():
            held = self.open.setdefault(row["parcel_id"], {})
            if after < watch.since <= until and key not in held:
                held[key] = Told(
                    key[0],
                    key[1],
                    row["parcel_id"],
                    watch.stage,
                    watch.raised_at,
                    watch.deadline_at,
                    2 * row["version"],
                )
                self.told.add(held[key])

    def _end(self, before: Row | None, row: Row) -> None:
        still = watches(row)
        held = self.open.setdefault(row["parcel_id"], {})
        for key, told in list(held.items()):
            assert before is not None
            if key not in still or still[key].since != watches(before)[key].since:
                why = resolution(key, watches(before)[key].stage, before, row)
                ended = told._replace(version=2 * row["version"] + 1, resolution=why, resolved_at=row["judged_at"])
                self.told.add(ended)
                del held[key]


def watches(row: Row) -> dict[Key, Watch]:
    """All that is watched of a parcel, by kind and level."""
    if row["gone"] or row["handed_at"] is not None or row["status"] in {"RETURNING", "RETURNED"}:
        return {}
    stages = {stage["stage"]: stage for stage in row["stages"]}
    running = {name: stage for name, stage in stages.items() if stage["state"] == "running"}
    return dict([*_late(running), *_silent(row), *_waiting(row, running), *_missed(row, running)])


def _late(running: Mapping[str, Row]) -> Iterable[tuple[Key, Watch]]:
    stage = running.get("village_delivery")
    if stage and stage["deadline_at"] is not None:
        due, risk = stage["deadline_at"], stage["risk_at"]
        yield ("VILLAGE_LATE", "AT_RISK"), Watch(risk, "village_delivery", risk, due)
        yield ("VILLAGE_LATE", "OVERDUE"), Watch(due + 1, "village_delivery", due, due)


def _silent(row: Row) -> Iterable[tuple[Key, Watch]]:
    stage = row["current_stage"]
    if stage in SILENCE:
        for level, times in (("AT_RISK", 1), ("OVERDUE", 2)):
            since = row["last_scan_at"] + times * SILENCE[stage]
            yield ("SILENT", level), Watch(since, stage, since, None)


def _waiting(row: Row, running: Mapping[str, Row]) -> Iterable[tuple[Key, Watch]]:
    stage = running.get("point_dwell")
    if stage and row["status"] == "AT_POINT":
        due = stage["started_at"] + FREE.get(row["custodian"], FREE_ELSEWHERE)
        yield ("WAITING", "OVERDUE"), Watch(due, "point_dwell", due, due)


def _missed(row: Row, running: Mapping[str, Row]) -> Iterable[tuple[Key, Watch]]:
    """Of two stages that wait for a trip the later one tells: a parcel that left the township missed none before."""
    waiting = [running[name] for name in ("county", "township") if "@" in (running.get(name, {}).get("target") or "")]
    if waiting and not left(row, waiting[-1]):
        due = waiting[-1]["deadline_at"]
        yield ("MISSED_TRIP", "OVERDUE"), Watch(due + 1, waiting[-1]["stage"], due, due)


def left(row: Row, stage: Row) -> bool:
    """A trip took the parcel on since it came."""
    at = row[f"{stage['stage']}_out_at"]
    return at is not None and at >= stage["started_at"]


def resolution(key: Key, about: str, before: Row, row: Row) -> str:
    """Why an alert ended."""
    if row["gone"]:
        return "WITHDRAWN"
    if row["status"] in {"RETURNING", "RETURNED"}:
        return "RETURNED"
    if row["handed_at"] is not None:
        return "DELIVERED"
    stages = {stage["stage"]: stage for stage in row["stages"]}
    ended = about in stages and stages[about]["state"] in {"done", "inferred"}
    moved = {
        "VILLAGE_LATE": ended,
        "SILENT": row["last_scan_at"] > before["last_scan_at"],
        "WAITING": "point_dwell" in stages and row["status"] != "AT_POINT",
        "MISSED_TRIP": ended
        or any(s["state"] == "running" and "@" in (s["target"] or "") and left(row, s) for s in _trips(stages)),
    }
    return "MOVED" if moved[key[0]] else "WITHDRAWN"


def _trips(stages: Mapping[str, Row]) -> list[Row]:
    return [stages[name] for name in ("county", "township") if name in stages]
