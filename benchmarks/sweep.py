"""How long one core looks over open parcels for what has come due: `python -m benchmarks.sweep [--parcels N]`.

Partitions are swept one after the other, each with promises of its own as the alerts job holds them; a
thousandth of the parcels comes due between two sweeps.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import numpy as np

from schemas.topics import PARTITIONS
from stream_jobs.alerts.columns import SLOT, Columns
from stream_jobs.alerts.watches import WATCHES

DAY: Final = 86_400_000
BEGIN: Final = 1_772_380_800_000
SHARE_DUE: Final = 0.001
PIECE: Final = 500_000


def promises(parcels: int, seed: int) -> Columns:
    """Open parcels whose moments lie within the next ten days, all but a thousandth after the first sweep."""
    random = np.random.default_rng(seed)
    columns = Columns(parcels)
    for begin in range(0, parcels, PIECE):
        slots = columns.add(min(PIECE, parcels - begin))
        values = np.zeros(len(slots), SLOT)
        moments = random.integers(BEGIN + 1, BEGIN + 10 * DAY, (len(slots), len(WATCHES)))
        moments[random.random(len(slots)) < SHARE_DUE, 0] = BEGIN
        values["moment"], values["version"] = moments, 1
        columns.put(slots, values)
    return columns


def measure(parcels: int, sweeps: int) -> dict[str, Any]:
    """Milliseconds for one sweep over all partitions: to find what is due, and which watches those are."""
    held = [promises(parcels // PARTITIONS, seed) for seed in range(PARTITIONS)]
    wall, core, due = [], [], 0
    for _ in range(sweeps):
        begun, busy, due = perf_counter(), process_time(), 0
        for columns in held:
            where, _ = columns.ripe(columns.due(BEGIN), BEGIN)
            due += len(where)
        wall.append(1000 * (perf_counter() - begun))
        core.append(1000 * (process_time() - busy))
    bytes_each = sum(columns.slots.nbytes + columns.next.nbytes for columns in held) / parcels
    return {
        "parcels": parcels,
        "partitions": PARTITIONS,
        "due": due,
        "ms_median": round(sorted(wall)[sweeps // 2], 2),
        "ms_most": round(max(wall), 2),
        "cpu_ms_median": round(sorted(core)[sweeps // 2], 2),
        "column_bytes_per_parcel": round(bytes_each),
    }


def main() -> None:
    """Print the figures, or write them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--parcels", type=int, default=10_000_000)
    asked.add_argument("--sweeps", type=int, default=21)
    asked.add_argument("--json", type=Path)
    args = asked.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = measure(args.parcels, args.sweeps)
    print(json.dumps(found))  # what it is for
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
