"""Roles as threads of one process: if one ends by an error, the whole stack does, and says why."""

import threading
from collections.abc import Callable

Run = Callable[[threading.Event], None]


class RoleFailed(RuntimeError):
    """A role ended; the cause is chained."""


class Roles:
    """Starts roles, watches them, stops them."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failed: list[tuple[str, BaseException]] = []

    def start(self, name: str, run: Run) -> None:
        """Run a role until `stop`."""
        thread = threading.Thread(target=self._guarded, args=(name, run), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, name: str, run: Run) -> None:
        try:
            run(self._stop)
        except BaseException as cause:  # noqa: BLE001  # whatever it is, the stack must hear of it
            self._failed.append((name, cause))
        else:
            if not self._stop.is_set():
                self._failed.append((name, RuntimeError("ended by itself")))

    def check(self) -> None:
        """Raise RoleFailed if any role has ended."""
        if self._failed:
            name, cause = self._failed[0]
            raise RoleFailed(f"{name} ended: {cause}") from cause

    def stop(self) -> None:
        """Ask all to stop and wait for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=20)
