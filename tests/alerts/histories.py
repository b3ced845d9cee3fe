"""Random histories: lifecycles of a few parcels as a worker gets them, sweeps between them, and kills."""

from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from schemas.vocabulary import STAGES
from stream_jobs.alerts.watches import Patience
from tests.alerts.model import FREE, FREE_ELSEWHERE, HOUR, SILENCE
from tests.sinks.records import parcel, stage, table

BEGIN: Final = 1_772_380_800_000
PATIENCE: Final = Patience(np.array([SILENCE.get(s.name, 0) for s in STAGES], np.int64), FREE, FREE_ELSEWHERE)
HOURS: Final = st.integers(0, 60).map(lambda h: BEGIN + h * HOUR)
STATES: Final = st.sampled_from(["running", "running", "running", "done", "inferred", "stopped"])

Row = dict[str, Any]


class Batch(NamedTuple):
    """Lifecycles that arrive together. `lost`: the worker dies before its changelog has them; `sent`: alerts went."""

    rows: list[Row]
    lost: bool = False
    sent: bool = True


class Sweep(NamedTuple):
    """The clock is looked at; `lost`, `sent`: as of a batch. Announced it is in any case."""

    now: int
    lost: bool = False
    sent: bool = True


@st.composite
def stages(draw: st.DrawFn, name: str) -> Row:
    """One stage, running mostly, with a deadline mostly."""
    since, state = draw(HOURS), draw(STATES)
    hours = draw(st.none() | st.integers(1, 40))
    target = draw(st.sampled_from(["24", "MO,WE,FR@20:00"])) if hours else None
    due = since + hours * HOUR if hours else None
    risk = since + hours * HOUR * 3 // 4 if hours else None
    return stage(stage=name, state=state, started_at=since, target=target, deadline_at=due, risk_at=risk)


@st.composite
def lifecycles(draw: st.DrawFn, names: list[str]) -> Row:
    """One row; versions and clocks repeat, so that some rows are old news."""
    which = draw(st.sets(st.sampled_from(["county", "township", "village_delivery", "point_dwell"])))
    found = [draw(stages(s.name)) for s in STAGES if s.name in which]
    running = [s["stage"] for s in found if s["state"] == "running"]
    status = draw(st.sampled_from(["IN_TRANSIT", "AT_POINT", "AT_POINT", "RETURNING"]))
    return parcel(
        parcel_id=draw(st.sampled_from(names)),
        version=draw(st.integers(1, 6)),
        judged_at=draw(HOURS),
        gone=draw(st.integers(0, 9)) == 0,
        status=status,
        current_stage=draw(st.none() | st.sampled_from(running)) if running else None,
        custodian=draw(st.sampled_from([None, "zto", "china-post"])),
        last_scan_at=draw(HOURS),
        handed_at=draw(st.sampled_from([None, None, None, None, BEGIN])),
        county_out_at=draw(st.none() | HOURS),
        township_out_at=draw(st.none() | HOURS),
        stages=found,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Batch | Sweep]:
    """Batches with repeats and old news, sweeps by a clock that does not go back, some of it lost."""
    names = ["sf:1", "zto:2", "yto:3"][: draw(st.integers(1, 3))]
    rows = draw(st.lists(lifecycles(names), min_size=1, max_size=14))
    found: list[Batch | Sweep] = []
    now = BEGIN
    while rows:
        cut = draw(st.integers(1, 4))
        again = draw(st.lists(st.sampled_from(rows), max_size=2))
        found.append(Batch([*rows[:cut], *again], draw(st.booleans()), draw(st.booleans())))
        rows = rows[cut:]
        if draw(st.booleans()):
            now += draw(st.integers(0, 20)) * HOUR
            found.append(Sweep(now, draw(st.booleans()), draw(st.booleans())))
    return found


def batch(rows: list[Row]) -> pa.RecordBatch:
    """Rows as the decoder gives them."""
    found = table("parcel_lifecycle", rows)
    return pa.RecordBatch.from_pylist(found.to_pylist(), found.schema)
