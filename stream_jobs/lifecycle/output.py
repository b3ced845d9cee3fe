"""Lifecycles as rows of parcel_lifecycle.avsc, in Arrow, built in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from schemas.vocabulary import DIRECTIONS, MILESTONES, SERVICES, STAGE_STATES, STAGES, STATUSES, VERDICTS
from stream_jobs.lifecycle.columns import NEVER, Marks
from stream_jobs.lifecycle.evaluate import Lifecycles
from stream_jobs.lifecycle.names import NOBODY, Names
from stream_jobs.lifecycle.sides import COUNTY_DIGITS
from stream_jobs.lifecycle.stages import RUNNING
from stream_jobs.lifecycle.targets import Plan
from stream_jobs.timeline.record import Index

__all__ = ["Identity", "Names", "rows"]

TOWNSHIP_DIGITS: Final = 10**3
INSTANT: Final = pa.timestamp("ms", tz="UTC")
Columns = dict[str, pa.Array]


@dataclass(frozen=True)
class Identity:
    """Whose lifecycles they are: per parcel its id, version and waybills; per member its waybill."""

    ids: Sequence[bytes]
    version: Index
    waybills: Sequence[Sequence[bytes]]
    members: Sequence[bytes]


def rows(found: Lifecycles, who: Identity, plan: Plan, names: Names) -> pa.RecordBatch:
    """One row per parcel, the parcels without a standing scan marked `gone`."""
    columns = _identity(found, who) | _facts(found, plan) | _milestones(found) | _now(found, names)
    columns |= _place(found, plan)
    return pa.RecordBatch.from_pydict(columns | {"stages": _stage_lists(found, plan, names)})


def _identity(found: Lifecycles, who: Identity) -> Columns:
    scans = found.scans
    first_own = scans.first(scans.where(scans.own))
    shown = np.append(scans.member[:-1], -1)[first_own]
    return {
        "parcel_id": _text(who.ids),
        "version": pa.array(who.version),
        "judged_at": pa.array(np.full(scans.parcels, found.now), INSTANT),
        "gone": pa.array(first_own == scans.size),
        "waybills": _lists([len(w) for w in who.waybills], _text([w for ws in who.waybills for w in ws])),
        "shown_by": _text([*who.members, b""]).take(pa.array(shown % (len(who.members) + 1))),
    }


def _facts(found: Lifecycles, plan: Plan) -> Columns:
    destination = found.verdicts.destination
    known = plan.is_village(destination)
    return {
        "status": _word(STATUSES, found.status),
        "direction": _word(DIRECTIONS, found.sides.direction),
        "service": _word(SERVICES, found.verdicts.service - 1),
        "destination_region": _region(destination),
        "destination_village": _region(np.where(known, destination, 0)),
        "collected_inferred": pa.array(found.milestones.collected_inferred),
    }


def _milestones(found: Lifecycles) -> Columns:
    times = zip(MILESTONES, found.milestones.at, strict=True)
    return {f"{milestone.name}_at": _instant(at) for milestone, at in times}


def _now(found: Lifecycles, names: Names) -> Columns:
    scans, begun, judged = found.scans, found.stages, found.verdicts
    first, last = (pick(np.arange(scans.size)) for pick in (scans.first, scans.last))
    held = found.custody.holder != NOBODY
    counts = np.bincount(found.custody.parcel[held], minlength=scans.parcels)
    running = np.flatnonzero(begun.state == RUNNING)
    deadline = np.full(scans.parcels, NEVER)
    np.minimum.at(deadline, begun.parcel[running], judged.due[running])
    return {
        "current_stage": _word([s.name for s in STAGES], _innermost(found, running)),
        "custodian": names.of(found.custody.now()),
        "custodians": _lists(counts, names.of(found.custody.holder[held])),
        "deadline_at": _instant(deadline),
        "scans": pa.array(np.bincount(scans.seg, minlength=scans.parcels).astype(np.int32)),
        "first_scan_at": _instant(np.where(first < scans.size, scans.at[first], 0)),
        "last_scan_at": _instant(np.where(last >= 0, scans.at[last], 0)),
    }


def _place(found: Lifecycles, plan: Plan) -> Columns:
    scans = found.scans
    seen = scans.last(scans.where(scans.fac > 0))
    return {"facility_id": plan.places.of(scans.fac[seen])}


def _innermost(found: Lifecycles, running: Index) -> Index:
    """The running stage that began last, of several the first listed; -1 where none runs."""
    begun = found.stages
    order = np.lexsort((-begun.stage[running], begun.started[running], begun.parcel[running]))
    current = np.full(found.scans.parcels, -1)
    current[begun.parcel[running[order]]] = begun.stage[running[order]]
    return current


def _stage_lists(found: Lifecycles, plan: Plan, names: Names) -> pa.ListArray:
    begun = found.stages
    columns = _spans(found) | _targets(found, plan) | _whose(found, plan, names)
    counts = np.bincount(begun.parcel, minlength=found.scans.parcels)
    fields: Any = pa.StructArray.from_arrays(list(columns.values()), list(columns))
    return _lists(counts, fields)


def _spans(found: Lifecycles) -> Columns:
    begun = found.stages
    ended = begun.ended < NEVER
    seconds = np.where(ended, np.maximum(begun.ended - begun.started, 0) // 1000, 0)
    milestone = [m.name for m in MILESTONES]
    starts = np.array([milestone.index(s.start) for s in STAGES])
    return {
        "stage": _word([s.name for s in STAGES], begun.stage),
        "from_milestone": _word(milestone, starts[begun.stage]),
        "to_milestone": _word(milestone, begun.to),
        "started_at": _instant(begun.started),
        "ended_at": _instant(begun.ended),
        "seconds": pa.array(seconds, mask=~ended),
        "state": _word(STAGE_STATES, begun.state),
        "clock_skew": pa.array(begun.skewed),
    }


def _targets(found: Lifecycles, plan: Plan) -> Columns:
    judged, begun = found.verdicts, found.stages
    none = judged.due == NEVER
    span = np.where(none, 0, judged.due - begun.started) // 1000
    return {
        "target": _word(plan.texts, np.where(none, -1, judged.target)),
        "target_seconds": pa.array(span, mask=none),
        "deadline_at": _instant(judged.due),
        "risk_at": _instant(judged.risk),
        "verdict": _word(VERDICTS, judged.verdict),
    }


def _whose(found: Lifecycles, plan: Plan, names: Names) -> Columns:
    begun, region = found.stages, found.verdicts.region
    starts = np.array([[m.name for m in MILESTONES].index(s.start) for s in STAGES])
    opening = found.milestones.row[starts[begun.stage], begun.parcel]
    county, township = (region // digits * digits for digits in (COUNTY_DIGITS, TOWNSHIP_DIGITS))
    counts = np.bincount(found.overruns.stage_row, minlength=len(begun.stage))
    shares = [names.of(found.overruns.holder), pa.array(found.overruns.seconds)]
    return {
        "operator": names.of(found.scans.holder[opening]),
        "county": _region(county),
        "township": _region(np.where(township != county, township, 0)),
        "village": _region(np.where(plan.is_village(region), region, 0)),
        "overruns": _lists(counts, pa.StructArray.from_arrays(shares, ["operator", "seconds"])),
    }


def _lists(counts: Sequence[int] | Index, values: pa.Array) -> pa.ListArray:
    offsets = np.append(0, np.cumsum(counts)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _text(words: Sequence[bytes]) -> pa.Array:
    return pa.array(words, pa.binary()).cast(pa.string())


def _word(words: Sequence[str], codes: Index) -> pa.Array:
    """Words by position; a negative position gives null."""
    return pa.array(words, pa.string()).take(pa.array(codes, mask=codes < 0))


def _instant(at: Index) -> pa.Array:
    none: Marks = at >= NEVER
    return pa.array(np.where(none, 0, at), pa.int64(), mask=none).view(INSTANT)


def _region(number: Index) -> pa.Array:
    """Twelve digits as text; 0 gives null."""
    coded = pa.array(number, mask=number == 0).dictionary_encode()
    texts = pa.array([f"{n:012d}" for n in coded.dictionary.to_pylist()], pa.string())
    return texts.take(coded.indices)
