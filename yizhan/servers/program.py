"""One server process: started in a group of its own, its output in a file, stopped with grace or without."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, Self

import psutil

from yizhan.servers import state
from yizhan.servers.fetch import debian

UP_SECONDS: Final = 90
DOWN_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.05
_CLOCK_STEP_SECONDS: Final = 2
_TAIL_BYTES: Final = 3000


class DidNotStart(RuntimeError):
    """A server that did not come up; the text has the end of its log."""


class Program(ABC):
    """A server on this machine. As context it is started, and stopped at the end.

    Its folder keeps ports, process and log, so that a program of the same folder finds the process again.
    Unless `detached`, the process is killed when the one that started it ends, however it ends.
    """

    name: str
    detached = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log.txt"
        self._popen: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The words that start it; writes what they name."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves now. Raises nothing."""

    def environment(self) -> dict[str, str]:
        """What it needs beside our own environment."""
        return {}

    def start(self) -> None:
        """Start it and wait until it answers. `DidNotStart`."""
        self.launch()
        until = time.monotonic() + UP_SECONDS
        while not self.answers():
            if not self.running or time.monotonic() > until:
                self.kill()
                raise DidNotStart(f"{self.name} did not come up; its log {self.log} ends:\n{self.tail()}")
            time.sleep(_LOOK_SECONDS)

    def launch(self) -> None:
        """Start its process, no more; does nothing where it runs."""
        if self.running:
            return
        self._end(signal.SIGKILL)
        command = self.command()
        self._popen = self._open(command) if self.detached else _starter().submit(self._open, command).result()
        since = psutil.Process(self._popen.pid).create_time()
        state.write(self.folder / "process.json", {"pid": self._popen.pid, "since": since})

    def _open(self, command: list[str]) -> subprocess.Popen[bytes]:
        leash = [] if self.detached else [debian("util-linux", "setpriv"), "--pdeathsig", "KILL"]
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # our own words
                [*leash, *command],
                cwd=self.folder,
                env=os.environ | self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether its process is there, paused or not."""
        try:
            process = self._process()
            return process is not None and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:  # it went while we looked
            return False

    def stop(self) -> None:
        """End it with grace; kill it if that takes too long."""
        self.resume()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut of the process: SIGKILL."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, do not wait."""
        self._signal(signal.SIGTERM)

    def pause(self) -> None:
        """Make it hang: SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on: SIGCONT."""
        self._signal(signal.SIGCONT)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-_TAIL_BYTES:] if self.log.exists() else ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end(self, how: signal.Signals) -> None:
        self._signal(how)
        if not self._ended():
            self._signal(signal.SIGKILL)
            self._ended()
        if self._popen is not None:
            self._popen.wait()

    def _ended(self) -> bool:
        """Whether it ends in time; dead but not yet buried by its parent is ended."""
        until = time.monotonic() + DOWN_SECONDS
        while self.running and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS / 5)
        return not self.running

    def _signal(self, which: signal.Signals) -> None:
        process = self._process()
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, which)

    def _process(self) -> psutil.Process | None:
        """The process we started, not a later one that got its number."""
        known = state.read(self.folder / "process.json")
        try:
            process = psutil.Process(known["pid"])
            return process if abs(process.create_time() - known["since"]) < _CLOCK_STEP_SECONDS else None
        except (KeyError, psutil.NoSuchProcess):
            return None


@cache
def _starter() -> ThreadPoolExecutor:
    # The kernel's death signal is sent when the *thread* that started a process ends: this one ends with ours.
    return ThreadPoolExecutor(1, "servers")
