"""What a review costs a worker: `python -m benchmarks.review [--parcels N] [--linked PERCENT] [--json FILE]`.

So many parcels of 8 scans in one state, no broker. All are looked through a slice at a time, as when targets change:
once for a day since which all were scanned, so that every lifecycle is derived and encoded, once for one since which
none was. Memory is what the process held more at its end than before.
"""

import argparse
import json
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final

from benchmarks.growth import grown, resident
from benchmarks.job_process import Watched
from stream_jobs.engine.run import spare_garbage_collector
from stream_jobs.identity.state import Timelines
from stream_jobs.review import SLICE, numbers, slices

NEVER: Final = 1 << 61
SINCE: Final = {"all scanned since": 0, "none scanned since": NEVER}


def looked_through(job: Watched, state: Timelines, since: int) -> dict[str, Any]:
    """Figures of one review."""
    seconds, sent, before = [], 0, resident()
    for some in slices(numbers(state), SLICE):
        begun = process_time()
        sent += len(job.again(state, some, since))
        seconds.append(process_time() - begun)
    return {
        "lifecycles": sent,
        "us_per_number": round(1e6 * sum(seconds) / len(numbers(state)), 2),
        "ms_per_slice": round(1e3 * median(seconds), 1),
        "longest_ms": round(1e3 * max(seconds), 1),
        "mib_more": (resident() - before) >> 20,
    }


def measure(parcels: int, linked: int) -> dict[str, Any]:
    """Figures of a state of so many parcels."""
    state, job = grown(parcels, linked).state, Watched()
    job.again(state, numbers(state)[:SLICE], 0)  # what is loaded once is no parcel's
    found = {name: looked_through(job, state, since) for name, since in SINCE.items()}
    return {"parcels": parcels, "linked": linked, "numbers": len(numbers(state)), **found}


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--parcels", type=int, default=250_000)
    asked.add_argument("--linked", type=int, default=0, help="in a hundred")
    asked.add_argument("--json", type=Path)
    args = asked.parse_args()
    spare_garbage_collector()
    found = measure(args.parcels, args.linked)
    for name in SINCE:
        print(f"{name}: {json.dumps(found[name])}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
