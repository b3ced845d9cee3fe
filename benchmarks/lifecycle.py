"""How fast the lifecycle job goes from Kafka to Kafka: `python -m benchmarks.lifecycle [--brokers HOST:PORT]`.

The whole job as it runs in a cluster: scans in, all rules, lifecycles and timelines delivered, offsets committed.
The broker is a real one, on the cores that are left. Medians of three runs, each over a fresh group and topics;
`--recover` adds how fast a new worker stands up from the changelog of the last.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.job_process import spoken
from benchmarks.stream import KINDS, stream
from benchmarks.topics import ends, fill, renew
from producers.whole import keys
from schemas.topics import FIXED, LIFECYCLE, SCANS, TIMELINES
from yizhan.servers import Kafka

SOURCE: Final = SCANS["CARRIER"]
Figures = dict[str, Any]


def load(brokers: str, events: int, kind: str) -> None:
    """Fill scans.carrier with a stream, each scan under its waybill."""
    renew(brokers)
    scans = stream(events, kind)
    keyed = keys(scans)
    fill(brokers, SOURCE.name, keyed.to_pylist(), spoken().scans[SOURCE.name].encode_arrow(scans))


def process(brokers: str, *words: str, before: tuple[str, ...] = ()) -> Figures:
    """One run in a process of its own; `before`: a command that runs it, such as a profiler's."""
    told = [*before, sys.executable, "-m", "benchmarks.job_process", brokers, *words]
    done = subprocess.run(told, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  # our own command
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def once(brokers: str, words: Sequence[str], before: tuple[str, ...] = ()) -> Figures:
    """One run over what was loaded, into empty topics."""
    renew(brokers, [topic for topic in FIXED if topic != SOURCE])
    told = [str(end) for end in ends(brokers, SOURCE.name)]
    found = process(brokers, *words, "--ends", *told, before=before)
    written = {name: sum(ends(brokers, t.name)) for name, t in (("lifecycles", LIFECYCLE), ("changelog", TIMELINES))}
    return found | written


def median(runs: list[Figures]) -> Figures:
    """Of each figure the median, and all speeds seen."""
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return middle | {"all_per_s": [run["per_s"] for run in runs]}


def measure(brokers: str, args: argparse.Namespace) -> Figures:
    """What was asked for."""
    if args.events:
        load(brokers, args.events, args.stream)
    words = ["--cores", *args.cores, "--fetch-bytes", str(args.fetch_bytes)]
    words += ["--compression", args.compression] if args.compression else []
    if args.profile:
        return once(brokers, words, ("py-spy", "record", "-r", "400", "-o", str(args.profile), "--"))
    found = median([once(brokers, words) for _ in range(args.runs)])
    if args.recover:
        told = [str(end) for end in ends(brokers, TIMELINES.name)]
        again = process(brokers, *words, "--recover", "--ends", *told)
        found |= {f"recovered_{name}": again[name] for name in ("waybills", "per_s", "cpu_s_per_million")}
    return found | {"fetch_bytes": args.fetch_bytes, "cores": len(args.cores), "compression": args.compression}


def main() -> None:
    """Load, run three times, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--brokers", help="host:port of a running one; else one is started")
    asked.add_argument("--events", type=int, default=2_000_000, help="0: what is loaded already")
    asked.add_argument("--stream", default="plain", help=KINDS)
    asked.add_argument("--runs", type=int, default=3)
    asked.add_argument("--cores", nargs="+", default=["1"])
    asked.add_argument("--fetch-bytes", type=int, default=4 << 20)
    asked.add_argument("--compression", choices=["gzip", "snappy", "lz4", "zstd"])
    asked.add_argument("--recover", action="store_true")
    asked.add_argument("--profile", type=Path, help="one run under py-spy; writes a flame graph")
    asked.add_argument("--json", type=Path)
    args = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        brokers = args.brokers or stack.enter_context(Kafka(Path(folder))).bootstrap
        found = measure(brokers, args)
    print("\n".join(f"{name:28} {value}" for name, value in found.items()))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
