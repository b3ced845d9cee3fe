"""A worker that looks at a few numbers at a time and dies amid reviews: `python -m tests.cluster.mortal worker`.

It dies so many times of numbers in the state, and as often of such as have left it; the file that YIZHAN_HARM names
says how often it has.
"""

import os
import signal
from typing import Any

import stream_jobs.review
from stream_jobs.job import TimelineJob
from tests.faults.naive import again, swap
from yizhan.cli import main

SLICE = 5
SLICES_BEFORE = 4
DEATHS = {"again": 1, "again_of": 2}
"""How often it has died in all when it has died of each."""


def dies(name: str, deaths: int) -> None:
    """Kill this process in the midst of what is asked of the job."""
    seen: list[None] = []

    def mortal(self: TimelineJob, *given: Any) -> Any:  # noqa: ANN401  # whatever it takes and gives
        seen.append(None)
        if len(seen) > SLICES_BEFORE and again(deaths):
            os.kill(os.getpid(), signal.SIGKILL)
        return asked(self, *given)

    asked = swap(TimelineJob, name, mortal)


if __name__ == "__main__":
    swap(stream_jobs.review, "SLICE", SLICE)
    swap(stream_jobs.review, "SLICE_OF_STORE", SLICE)
    for name, deaths in DEATHS.items():
        dies(name, deaths)
    main()
