"""The official figures read from truth.json by plain loops: what the views must show."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any, Final, NamedTuple

from tests.chain import running

STAGES: Final = ("whole", "origin_processing", "transport", "destination_processing", "delivery")
COLLECTING: Final = ("COLLECTED", "ACCEPTED", "WAREHOUSED", "ARRIVED", "DEPARTED")
CHINA: Final = timezone(timedelta(hours=8))
HOUR: Final = 3_600_000
Row = dict[str, Any]


class Span(NamedTuple):
    """One stage of one parcel: its place in each dimension, how it stands and how long it took, in ms."""

    keys: Mapping[str, str]
    stage: str
    state: str
    length: int


def spans(operators: Mapping[tuple[str, str], str]) -> list[Span]:
    """All official stages of the county. `operators`: by waybill the parcel is shown by, and stage."""
    truth = running.truth()
    scans = _collecting()
    return [
        Span(_keys(parcel, stage, scans, operators), stage, span["state"], _length(span, truth["as_of"]))
        for parcel in truth["parcels"]
        for stage, span in parcel["stages"].items()
        if stage in STAGES and "collected" in parcel["milestones"]
    ]


def figures(found: Iterable[Span], dimension: str, keep: Callable[[Span], bool] = lambda _: True) -> dict[Any, Row]:
    """Figures by key and stage."""
    groups: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in filter(keep, found):
        groups[span.keys[dimension], span.stage].append(span)
    return {key: _figures(some) for key, some in groups.items()}


def _figures(some: list[Span]) -> Row:
    done = sorted(span.length for span in some if span.state == "done")
    running_for = [span.length for span in some if span.state == "running"]
    within = {hours: sum(length <= hours * HOUR for length in done) for hours in (48, 72)}
    row: Row = {"parcels": len(some), "done": len(done), "stopped": sum(s.state == "stopped" for s in some)}
    row["mean_seconds"] = float(Fraction(sum(done), len(done) * 1000)) if done else None
    for name, share in (("p50", Fraction(1, 2)), ("p90", Fraction(9, 10)), ("p95", Fraction(19, 20))):
        row[f"{name}_seconds"] = done[int(share * len(done))] / 1000 if done else None
    row |= {f"within_{hours}h": count for hours, count in within.items()}
    row |= {f"rate_{hours}h": count / len(done) if done else None for hours, count in within.items()}
    return row | {f"open_past_{hours}h": sum(n > hours * HOUR for n in running_for) for hours in (48, 72)}


def _length(span: Row, as_of: int) -> int:
    return max(0, (as_of if span["to"] is None else span["to"]) - span["from"])


def _keys(
    parcel: Row, stage: str, scans: Mapping[Any, Row], operators: Mapping[tuple[str, str], str]
) -> dict[str, str]:
    collected = parcel["milestones"]["collected"]
    region, village = parcel["destination_region"], parcel["destination_village"]
    township = region and region[:9] + "000"
    county = region[:6] + "000000" if region else "UNKNOWN"
    by = next(scans[w, collected, a] for a in COLLECTING for w in parcel["waybills"] if (w, collected, a) in scans)
    return {
        "day": str(datetime.fromtimestamp(collected / 1000, UTC).astimezone(CHINA).date()),
        "operator": operators[parcel["shown_by"], stage],
        "county": county,
        "township": township if township and township != county else "UNKNOWN",
        "village": village or "UNKNOWN",
        "route": f"{by['region'][:6]}000000-{county}",
    }


def _collecting() -> dict[tuple[str, int, str], Row]:
    """Scans that may have collected a parcel, by waybill, instant and activity; withdrawn ones left out."""
    scans = [json.loads(line) for line in running.canonical_lines()]
    gone = {(s["source"], s["issuer"], s["tracking_number"], s["retracts"]) for s in scans if s["retracts"]}
    return {
        (f"{s['issuer']}:{s['tracking_number']}", s["occurred_at"], s["activity"]): s
        for s in scans
        if s["activity"] in COLLECTING and (s["source"], s["issuer"], s["tracking_number"], s["event_id"]) not in gone
    }
