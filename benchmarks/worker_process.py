"""One of several workers, as a process of its own on its core: `benchmarks.workers` starts it and tells it to stop.

Prints one line of JSON: of each batch when it came (seconds of the machine's clock), and its scans.
"""

import argparse
import json
import os
import signal
import threading
from time import monotonic
from typing import Any

from benchmarks.job_process import MEMBER, Watched
from stream_jobs.app import run_until, timelines_app
from stream_jobs.identity.state import Timelines
from stream_jobs.job import Output


class Noting(Watched):
    """The job, noting when batches came."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[tuple[float, int]] = []

    def scans(self, state: Timelines, topic: str, values: Any) -> Output:  # noqa: ANN401  # as the job's
        """The job's own, after a look at the clocks."""
        self.notes.append((monotonic(), len(values)))
        return super().scans(state, topic, values)


def main() -> None:
    """Work until told to stop."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("brokers")
    asked.add_argument("core", type=int)
    args = asked.parse_args()
    os.sched_setaffinity(0, [args.core])
    stop, job = threading.Event(), Noting()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_until(lambda: timelines_app(job, args.brokers, standby_replicas=0, **MEMBER), stop)
    print(json.dumps(job.notes))


if __name__ == "__main__":
    main()
