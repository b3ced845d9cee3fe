"""Roles as processes, started again whenever they end by themselves; killed and hung at will."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self

import httpx

from yizhan.servers import state

PATIENCE: Final = 120.0
LOOK_SECONDS: Final = 0.05
COMMAND: Final = (sys.executable, "-m", "yizhan.cli")


class NotReady(RuntimeError):
    """A role that did not become ready in time; with the end of its log."""


class Role:
    """One process of a role, and the supervisor that starts it again."""

    def __init__(self, name: str, folder: Path, env: Mapping[str, str], command: tuple[str, ...] = COMMAND) -> None:
        self.name, self._command = name, command
        own = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
        self.port, self._log = state.ports(own, ("health",))["health"], own / "log.txt"
        self._env = {**os.environ, **env, "YIZHAN_HEALTH_PORT": str(self.port)}
        self._stop = threading.Event()
        self.codes: Counter[int] = Counter()
        self._process = self._start()
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen([*self._command, self.name], env=self._env, stdout=log, stderr=log)

    def _supervise(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            if (code := self._process.poll()) is not None:
                self.codes[code] += 1
                self._process = self._start()

    def kill(self) -> None:
        """`kill -9`; returns when a new process has taken its place."""
        killed = self._process
        killed.kill()
        killed.wait()
        until(lambda: self._process is not killed, f"{self.name} is not started again")

    def hang(self) -> None:
        """SIGSTOP."""
        self.send(signal.SIGSTOP)

    def send(self, which: signal.Signals) -> None:
        """Send a signal to the process."""
        self._process.send_signal(which)

    def ready(self) -> "Role":
        """Wait until it is ready."""
        until(self._is_ready, lambda: f"{self.name} is not ready: {self.log()[-3000:]}")
        return self

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def metrics(self) -> str:
        """What /metrics says."""
        return httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5).text

    def log(self) -> str:
        """All that its processes have printed."""
        return self._log.read_text(errors="replace")

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self._stop.set()
        self._thread.join()
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        return self._process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """`kill -9`, for good."""
        self._stop.set()
        self._thread.join()
        self._process.kill()
        self._process.wait()


def until(holds: Callable[[], bool], otherwise: str | Callable[[], str]) -> None:
    """Wait for it; raises NotReady with what is told otherwise."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise NotReady(otherwise if isinstance(otherwise, str) else otherwise())
        time.sleep(LOOK_SECONDS)
