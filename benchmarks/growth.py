"""What grows with the number of open parcels: `python -m benchmarks.growth [--parcels N ...] [--json FILE]`.

Each size in a process of its own: so many parcels of 8 scans in one state, then batches of one more scan for each of
some parcels drawn from all of them. The job's own work from fetched bytes to record batches; no broker. `--linked`: of
so many parcels in a hundred the last scan but one names another number; `--batch`: events of each batch. Each may be a
list: then one is varied while the others stay at their first.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.cost import Worker, cost, fetches
from benchmarks.stream import SCHEMA, way_scans
from stream_jobs.engine.memory import give_back
from stream_jobs.timeline.pack import pack

SIZES: Final = (100_000, 10_000, 1_000_000, 5_000_000)
"""The first is what links and batches are varied at."""
LINKED: Final = (0, 20, 60)
TOUCHED: Final = (5_000, 1_000, 50_000)
WAY: Final = (
    ("COLLECTED", "VILLAGE"), ("DEPARTED", "TOWNSHIP"), ("ARRIVED", "COUNTY"), ("DEPARTED", "COUNTY"),
    ("ARRIVED", "HUB"), ("DEPARTED", "HUB"), ("ARRIVED", "COUNTY"), ("DEPARTED", "COUNTY"), ("ARRIVED", "TOWNSHIP"),
)  # fmt: skip
"""Eight scans that are in the state, and the ninth that comes."""
AT_ONCE: Final = 50_000
LINK_AT: Final = 7
LOADED: Final = 10_000
"""Parcels of a state that is thrown away: what is loaded once is no parcel's."""
BATCHES: Final = 7


def scans(parcels: npt.NDArray[np.int64], number: int, linked: int = 0) -> pa.RecordBatch:
    """The scan of this number of each parcel; of `linked` in a hundred the eighth says under what number it goes on."""
    found = way_scans(parcels, np.full(len(parcels), number), WAY)
    if not linked or number != LINK_AT:
        return found
    return found.set_column(found.schema.get_field_index("link"), SCHEMA.field("link"), _links(parcels, linked))


def _links(parcels: npt.NDArray[np.int64], linked: int) -> pa.Array:
    model = {"issuer": "china-post", "relation": "HANDED_OVER", "evidence": "x"}
    told = [
        model | {"tracking_number": f"EA{parcel:012d}"} if parcel * 37 % 100 < linked else None
        for parcel in parcels.tolist()
    ]
    return pa.array(told, SCHEMA.field("link").type)


def grow(worker: Worker, parcels: int, linked: int = 0) -> None:
    """Eight scans of each parcel, as a country's day has them: all parcels' first ones, then all second ones."""
    for number in range(len(WAY) - 1):
        for first in range(0, parcels, AT_ONCE):
            some = np.arange(first, min(first + AT_ONCE, parcels))
            step = worker.state.step(pack(scans(some, number, linked)))
            while step.told:  # links tell both ends, until all know all
                step = worker.state.step(None, [(waybill, told) for waybill, told in step.told])


def grown(parcels: int, linked: int) -> Worker:
    """A worker with so many open parcels."""
    worker = Worker()
    grow(worker, parcels, linked)
    return worker


def drawn(parcels: int, batch: int) -> Iterator[pa.RecordBatch]:
    """Batches of one more scan for some parcels each, never twice for one: else less would be new in a small state."""
    draw = np.random.default_rng(7).permutation(parcels)
    for at in range(0, min(BATCHES * batch, parcels - batch + 1), batch):
        yield scans(draw[at : at + batch], len(WAY) - 1)


def resident() -> int:
    """Bytes of this process in memory, after what a worker does each minute."""
    give_back()
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return pages << 12


def one(parcels: int, linked: int, batch: int) -> dict[str, Any]:
    """Figures of one size."""
    batches = [fetch for some in drawn(parcels, batch) for fetch in fetches(some)]
    grow(Worker(), LOADED, linked)
    before = resident()
    worker = grown(parcels, linked)
    held = resident() - before
    costs = [cost(worker, batches)]
    while len(costs) * len(batches) < BATCHES:  # a small state has no more parcels that are new to the ninth scan
        costs.append(cost(grown(parcels, linked), batches))
    found = {"parcels": parcels, "linked": linked, "batch": batch, "bytes_per_parcel": round(held / parcels)}
    return found | {name: median(getattr(one, name) for one in costs) for name in ("us", "yardsticks")}


def runs(sizes: Sequence[int], links: Sequence[int], batches: Sequence[int]) -> list[tuple[int, int, int]]:
    """One of the three varied at a time."""
    varied = [(size, links[0], batches[0]) for size in sizes]
    varied += [(sizes[0], linked, batches[0]) for linked in links[1:]]
    return varied + [(sizes[0], links[0], batch) for batch in batches[1:]]


def main(words: Sequence[str] | None = None) -> None:
    """All of them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--parcels", type=int, nargs="*", default=list(SIZES))
    asked.add_argument("--linked", type=int, nargs="*", default=list(LINKED), help="in a hundred")
    asked.add_argument("--batch", type=int, nargs="*", default=list(TOUCHED), help="parcels of a batch")
    asked.add_argument("--json", type=Path)
    args = asked.parse_args(words)
    todo = runs(args.parcels, args.linked, args.batch)
    found = []
    for run in todo:
        found.append(one(*run) if len(todo) == 1 else apart(*run))
        print(json.dumps(found[-1]), flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


def apart(parcels: int, linked: int, batch: int) -> dict[str, Any]:
    """The same in a process of its own, so that nobody's memory is another's."""
    told = ["--parcels", str(parcels), "--linked", str(linked), "--batch", str(batch)]
    command = [sys.executable, "-m", "benchmarks.growth", *told]
    found: dict[str, Any] = json.loads(subprocess.check_output(command, text=True))  # noqa: S603  # ourselves
    return found


if __name__ == "__main__":
    main()
