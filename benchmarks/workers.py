"""What a second worker gives: `python -m benchmarks.workers [--workers 1 2] [--json FILE]`.

So many workers share the partitions of one group, dealt out over the cores; a real broker is on all of these, too.
Scans are counted from when every worker has had a batch until the group has committed all there is.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from benchmarks.lifecycle import SOURCE, load
from benchmarks.stream import KINDS
from benchmarks.topics import renew
from schemas.topics import FIXED
from stream_jobs.app import GROUP
from yizhan.cluster.lag import Onlooker
from yizhan.servers import Kafka

LOOK_S: Final = 0.02
PATIENCE_S: Final = 600.0
Notes = list[tuple[float, int]]
"""When each batch came (seconds of the machine's clock), and its scans."""
Figures = dict[str, Any]


def once(brokers: str, workers: int) -> Figures:
    """All that was loaded, by so many workers."""
    renew(brokers, [topic for topic in FIXED if topic != SOURCE])
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "benchmarks.worker_process", brokers]
    words = [[*command, str(cores[-1 - number % len(cores)])] for number in range(workers)]
    started = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True) for one in words]  # noqa: S603  # ourselves
    ended = _settled(brokers, started)
    for one in started:
        one.terminate()
    return figures([json.loads(one.communicate(timeout=PATIENCE_S)[0]) for one in started], ended)


def _settled(brokers: str, started: Sequence[subprocess.Popen[str]]) -> float:
    """When the group had committed all there is."""
    onlooker, until = Onlooker({"bootstrap.servers": brokers}), monotonic() + PATIENCE_S
    places = onlooker.places([SOURCE.name])
    while onlooker.standing(GROUP, places).lag:
        if monotonic() > until or any(one.poll() is not None for one in started):
            raise RuntimeError("a worker ended, or scans were left after ten minutes")
        sleep(LOOK_S)
    return monotonic()


def figures(notes: Sequence[Notes], ended: float) -> Figures:
    """Of the time in which all worked; raises ValueError where one had nothing to do."""
    begun = max(min(at for at, _ in mine) for mine in notes)
    counted = [[note for note in mine if note[0] >= begun] for mine in notes]
    shares = [sum(scans for _, scans in mine) for mine in counted]
    events = sum(shares)
    return {"workers": len(notes), "events": events, "per_s": round(events / (ended - begun)), "shares": shares}


def main(words: Sequence[str] | None = None) -> None:
    """Load, run with each number of workers, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=3_000_000)
    asked.add_argument("--stream", default="plain", help=KINDS)
    asked.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    asked.add_argument("--json", type=Path)
    args = asked.parse_args(words)
    with tempfile.TemporaryDirectory() as folder, Kafka(Path(folder)) as kafka:
        load(kafka.bootstrap, args.events, args.stream)
        found = []
        for workers in args.workers:
            found.append(once(kafka.bootstrap, workers))
            print(json.dumps(found[-1]), flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
