"""Section 6 of the design read a second time: stages, targets, verdicts, overruns."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

MILESTONES: Final = [
    "created",
    "collected",
    "village_out",
    "township_up_out",
    "county_up_in",
    "county_up_out",
    "origin_out",
    "dest_in",
    "county_in",
    "county_out",
    "township_in",
    "township_out",
    "village_in",
    "out_for_delivery",
    "at_point",
    "handed",
    "returned",
]
STAGES: Final = {
    "collection": ("created", "collected"),
    "first_mile": ("collected", "county_up_in"),
    "origin_warehouse": ("county_up_in", "county_up_out"),
    "origin_processing": ("collected", "origin_out"),
    "transport": ("origin_out", "dest_in"),
    "destination_processing": ("dest_in", "out_for_delivery", "at_point", "handed"),
    "delivery": ("out_for_delivery", "at_point", "handed"),
    "county": ("county_in", "township_in", "village_in", "at_point", "handed"),
    "township": ("township_in", "village_in", "at_point", "handed"),
    "village_delivery": ("county_in", "at_point", "handed"),
    "point_dwell": ("at_point", "handed"),
    "whole": ("collected", "handed"),
}
DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
COUNTY_TIME: Final = timezone(timedelta(hours=8))
MILLISECOND: Final = timedelta(milliseconds=1)

Times = Mapping[str, int]
Held = Sequence[tuple[int, str | None]]


class Standard(NamedTuple):
    """Targets by (stage, service, area class), area class by village, the instant and the share of risk."""

    targets: Mapping[tuple[str, str, str], str]
    areas: Mapping[str, str]
    now: int
    share: float = 0.75


class Span(NamedTuple):
    """One stage: how long, and how it ended."""

    since: int
    until: int | None
    state: str


def lengths(times: Times, *, over: bool, taken_at: str | None) -> dict[str, Span]:
    """The stages that exist."""
    begun = {name: ends for name, (start, *ends) in STAGES.items() if start in times}
    if taken_at not in {"VILLAGE", "TOWNSHIP"}:
        begun.pop("first_mile", None)
    return {name: _span(times, times[STAGES[name][0]], ends, over=over) for name, ends in begun.items()}


def _span(times: Times, since: int, ends: list[str], *, over: bool) -> Span:
    reached = [times[name] for name in ends if name in times]
    if reached:
        return Span(since, reached[0], "done")
    later = MILESTONES[MILESTONES.index(ends[0]) + 1 : -1]
    bounds = [times[name] for name in later if name in times and times[name] >= since]
    if bounds:
        return Span(since, min(bounds), "inferred")
    return Span(since, None, "stopped" if over else "running")


def judged(stage: str, span: Span, what: tuple[str, str | None], held: Held, standard: Standard) -> dict[str, Any]:
    """A stage in the shape of truth.json. `what`: the service and the village whose target counts."""
    skewed = span.until is not None and span.until < span.since
    seconds = None if span.until is None else max(0, span.until - span.since) // 1000
    told: dict[str, Any] = {"from": span.since, "to": span.until, "seconds": seconds, "state": span.state}
    told |= {"clock_skew": True} if skewed else {}
    service, village = what
    area = standard.areas.get(village or "", "ANY")
    target = standard.targets.get((stage, service, area)) or standard.targets.get((stage, service, "ANY"))
    if not target:
        return told
    due = _due(span.since, target)
    verdict = "MET" if skewed else _verdict(span, due, standard)
    told |= {"target": target, "due": due, "verdict": verdict}
    until = standard.now if span.until is None else span.until
    overrun = _overrun(held, due, until) if verdict in {"MISSED", "OVERDUE"} else {}
    return told | ({"overrun": overrun} if overrun else {})


def _due(since: int, target: str) -> int:
    if target.isdecimal():
        return since + int(target) * 3_600_000
    days, clock = target.split("@")
    start = datetime(1970, 1, 1, 8, tzinfo=COUNTY_TIME) + since * MILLISECOND
    for ahead in range(9):
        day = start + timedelta(days=ahead)
        moment = day.replace(hour=int(clock[:2]), minute=int(clock[3:]), second=0, microsecond=0)
        if moment > start and DAYS[moment.weekday()] in days.split(","):
            return since + (moment - start) // MILLISECOND
    raise ValueError(f"no trip in {target}")


def _verdict(span: Span, due: int, standard: Standard) -> str | None:
    if span.state == "done":
        return "MET" if span.until is not None and span.until <= due else "MISSED"
    if span.state != "running":
        return None
    if standard.now > due:
        return "OVERDUE"
    risky = standard.now - span.since >= standard.share * (due - span.since)
    return "AT_RISK" if risky else "RUNNING"


def _overrun(held: Held, due: int, until: int) -> dict[str, int]:
    """Whole seconds behind the deadline by custodian."""
    found: dict[str, int] = {}
    ends = [since for since, _ in held[1:]] + [until]
    for (since, holder), end in zip(held, ends, strict=False):  # nobody had it: no interval to end
        seconds = (min(end, until) - max(since, due)) // 1000
        if holder and seconds > 0:
            found[holder] = found.get(holder, 0) + seconds
    return found
