"""How long operators wait for answers: `python -m benchmarks.queries [--parcels N] [--times N] [--json FILE]`.

So many parcels of the sample county, copied under numbers of their own, are stored in chdb by the sink's writer; then
what is behind `yizhan track`, `late` and `figures` is asked again and again, by the functions those commands call.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.job_process import NOW, SOURCE, Watched, spoken
from benchmarks.stream import COUNTY, stream
from schemas import reference
from sinks.clickhouse import migrate
from sinks.clickhouse.clock import set_clock
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.reference import load
from sinks.clickhouse.writer import Kind, Writer
from yizhan.desk import Desk, StoreDesk
from yizhan.operations.figures import By, official
from yizhan.operations.late import late_parcels
from yizhan.track import parcels as track

PIECE: Final = 25_000
"""Parcels in one insert."""
SCANS_EACH: Final = 11
"""Of a parcel of the sample, and a little more, so that enough come."""
STREAM: Final = "linked:20"
NUMBERED: Final = frozenset({"tracking_number", "link", "parcel_id", "waybills", "shown_by"})
"""Columns that hold numbers, or a link with one."""
AS_OF: Final = datetime.fromtimestamp(NOW / 1000, UTC)
Figures = dict[str, Any]
Ask = Callable[[], object]
Change = Callable[[pa.Array], pa.Array]


def fill(store: ChdbStore, parcels: int) -> list[str]:
    """Store so many parcels with their scans; some of their numbers. Says how far it is.

    The job derives one piece; the others are its columns under other numbers.
    """
    writer, numbers, held = Writer(store), [], 0
    scans, rows = derived(min(PIECE, parcels))
    while held < parcels:
        mark = marked(f"{held:X}")
        piece = renumbered(rows, mark)
        writer.write([(Kind.SCANS, renumbered(scans, mark)), (Kind.LIFECYCLES, piece)])
        held += piece.num_rows
        numbers += [shown.partition(":")[2] for shown in piece["shown_by"][:100].to_pylist()]
        print(f"stored {held:,} of {parcels:,} parcels", file=sys.stderr)
    return numbers


def derived(parcels: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Scans of about so many parcels, some of them under two numbers, and the last lifecycle of each parcel."""
    scans, codecs, job = renumbered(stream(parcels * SCANS_EACH, STREAM), pc.utf8_upper), spoken(), Watched()
    state = job.new_state()
    made = [job.scans(state, SOURCE, codecs.scans[SOURCE].encode_blobs(scans))]
    while made[-1].links:
        made.append(job.links(state, made[-1].links))
    rows = [codecs.lifecycles.decode(one.lifecycles.values).rows for one in made if len(one.lifecycles.values)]
    whole = pa.Table.from_batches(rows)
    whole = whole.append_column("row", pa.array(np.arange(len(whole))))
    last = whole.sort_by("version").group_by("parcel_id", use_threads=False).aggregate([("row", "last")])["row_last"]
    held = whole.drop_columns("row").take(last)
    return scans, held.filter(pc.invert(held["gone"])).combine_chunks().to_batches()[0]


def renumbered(rows: pa.RecordBatch, change: Change) -> pa.RecordBatch:
    """The same under other numbers: those of scans, of their links, or of parcels."""
    for name in NUMBERED & {*rows.schema.names}:
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), _changed(rows.column(at), change))
    return rows


def marked(mark: str) -> Change:
    """Puts a mark behind each number."""
    return lambda numbers: pc.binary_join_element_wise(numbers, pa.scalar(mark), "-")


def _changed(column: pa.Array, change: Change) -> pa.Array:
    if isinstance(column, pa.StructArray):
        fields = list(column.type)
        parts = [_changed(column.field(f.name), change) if f.name in NUMBERED else column.field(f.name) for f in fields]
        return pa.StructArray.from_arrays(parts, fields=fields, mask=column.is_null())
    if isinstance(column, pa.ListArray):
        return pa.ListArray.from_arrays(column.offsets, _changed(column.values, change), type=column.type)
    return change(column).cast(column.type)


def questions(desk: Desk, numbers: Sequence[str]) -> Iterator[tuple[str, Ask]]:
    """What is asked, by the command that asks it."""
    draw = random.Random(1)  # noqa: S311  # no secret
    week = AS_OF.date() - timedelta(days=7)
    yield "track NUMBER", lambda: track(desk, draw.choice(numbers))
    yield "track ISSUER:NUMBER of none", lambda: track(desk, "sf:SF0000000000000")
    yield "late", lambda: late_parcels(desk)
    yield "late --operator", lambda: late_parcels(desk, operator="county-joint")
    yield "figures --by day", lambda: official(desk, By.DAY, None, None)
    yield "figures --by township --from", lambda: official(desk, By.TOWNSHIP, week, date.max)
    yield "figures --by route", lambda: official(desk, By.ROUTE, None, None)


def timed(ask: Ask, times: int) -> Figures:
    """Milliseconds; the first time is not counted."""
    ask()
    found = []
    for _ in range(times):
        begun = perf_counter()
        ask()
        found.append(1000 * (perf_counter() - begun))
    p50, p99 = np.percentile(found, (50, 99))
    return {"times": times, "p50_ms": round(p50, 1), "p99_ms": round(p99, 1)}


def measure(parcels: int, times: int) -> Figures:
    """Milliseconds by question."""
    with tempfile.TemporaryDirectory() as folder:
        store = ChdbStore(Path(folder))
        try:
            migrate.apply(store)
            load(store, reference.load(COUNTY))
            set_clock(store, AS_OF)
            numbers = fill(store, parcels)
            desk = StoreDesk(store)
            [held] = store.query("SELECT count() AS n FROM parcels")["n"].to_pylist()
            return {"parcels": held} | {name: timed(ask, times) for name, ask in questions(desk, numbers)}
        finally:
            store.close()


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--parcels", type=int, default=1_000_000)
    asked.add_argument("--times", type=int, default=20)
    asked.add_argument("--json", type=Path)
    args = asked.parse_args(words)
    found = measure(args.parcels, args.times)
    print(f"{found['parcels']:,} parcels")
    for name, told in found.items():
        if isinstance(told, dict):
            print(f"{name:30} p50 {told['p50_ms']:9.1f} ms   p99 {told['p99_ms']:9.1f} ms")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
