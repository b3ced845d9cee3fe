"""The alerts job of an embedded stack: it waits while documents are taken in, then looks at the clock.

Its state is gone with the process, as all states are. What stands open in ClickHouse is told to the new one; the
lifecycles that the replay derives anew keep each alert open or end it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa

from schemas.contracts import Contracts
from schemas.reference import Reference
from stream_jobs.alerts.app import alerts_app
from stream_jobs.alerts.job import AlertsJob
from stream_jobs.app import run_until

OPEN: Final = "SELECT * FROM stored_alerts FINAL WHERE state = 'RAISED'"
SWEEP_SECONDS: Final = 0.2
POLL_SECONDS: Final = 0.05
ROUNDS: Final = 2
"""The first may have been under way when the clock was let go."""


class Alerting:
    """The job and its clock, which stands still until the first `held` has ended."""

    def __init__(
        self, spoken: Contracts, reference: Reference, clock: Callable[[], int], query: Callable[[str], pa.Table]
    ) -> None:
        self._clock, self._held = clock, True
        known: list[dict[str, Any]] = query(OPEN).to_pylist()
        self._job = AlertsJob(spoken, reference, self._now, known)

    def _now(self) -> int:
        return 0 if self._held else self._clock()

    @contextmanager
    def held(self, check: Callable[[], None]) -> Iterator[None]:
        """Raise nothing inside; afterwards all that is due has been raised and sent. `check` raises if a role ended."""
        self._held = True
        yield
        self._held = False
        goal = self._job.rounds + ROUNDS
        while self._job.rounds < goal:
            check()
            time.sleep(POLL_SECONDS)

    def run(self, address: str, stop: threading.Event) -> None:
        """The role: until told to stop; raises what the app crashed of."""
        run_until(lambda: alerts_app(self._job, address, SWEEP_SECONDS, recover=False, standby_replicas=0), stop)
