"""`yizhan up` and `yizhan import`: from paths to a printed account."""

import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from producers.files import count_lines
from schemas.reference import FILES, Reference, load
from yizhan.account import Account
from yizhan.embedded.door import Door, close_door, find_door, open_door
from yizhan.embedded.server import app
from yizhan.embedded.stack import Stack
from yizhan.printing import OUT, print_account, print_json, taking_in
from yizhan.sla.book import FileBook, recorded

REFERENCE: Final = "reference"
CHECK_SECONDS: Final = 0.5


class NoReference(RuntimeError):
    """Without networks and facilities no scan can be read."""


class Busy(RuntimeError):
    """Another stack runs on the folder."""


def run_up(paths: Sequence[Path], data: Path, as_of: int | None, *, leave: bool, as_json: bool) -> None:
    """Start, load, settle, print; then leave, or stay until told to stop."""
    with _stack(paths, data, as_of) as stack:
        _load(stack, paths, None)
        _show(stack.account(), as_json=as_json)
        if not leave:
            _stay(stack, data)


def import_into(files: Sequence[Path], source: str | None, data: Path, *, as_json: bool) -> None:
    """Through the stack that runs on the folder, else through one started for this."""
    door = find_door(data)
    if door is None:
        with _stack(files, data, None) as stack:
            _load(stack, files, source)
            _show(stack.account(), as_json=as_json)
        return
    taken = door.ask("/import", {"paths": [str(file.absolute()) for file in files], "source": source})
    found = Account(**door.ask("/account", {}))
    if not as_json:
        OUT.print(f"{taken['documents']} documents taken in by the stack at {door.address}")
    _show(found, as_json=as_json)


@contextmanager
def _stack(paths: Sequence[Path], data: Path, as_of: int | None) -> Iterator[Stack]:
    if (door := find_door(data)) is not None:
        raise Busy(f"a stack (process {door.pid}) runs on {data} already; use: yizhan import FILE --data {data}")
    data.mkdir(parents=True, exist_ok=True)
    stack = Stack(data, _reference(paths, data), as_of)
    try:
        yield stack
    finally:
        stack.close()


def _reference(paths: Sequence[Path], data: Path) -> Reference:
    """Reference CSVs found in the paths replace those the folder had."""
    kept = data / REFERENCE
    kept.mkdir(exist_ok=True)
    for folder in (path for path in paths if path.is_dir()):
        load(folder)  # a file that cannot be used is refused before it replaces a good one
        for name in FILES:
            if (folder / name).exists():
                shutil.copyfile(folder / name, kept / name)
    found = load(kept)
    if not (found.networks and found.facilities):
        raise NoReference(f"{', '.join(FILES)} are needed once: yizhan up FOLDER --data {data}, with them in FOLDER")
    return recorded(FileBook(kept), found)


def _load(stack: Stack, paths: Sequence[Path], source: str | None) -> None:
    if not paths:
        return
    with taking_in(count_lines(paths, source)) as seen:
        stack.take_in(paths, source, seen)


def _show(found: Account, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_json())
    else:
        print_account(found)
    if found.missing:
        raise RuntimeError(f"{found.missing} accepted records are not stored; please report this")


def _stay(stack: Stack, data: Path) -> None:
    """Answer on loopback until a signal or until a role ends."""
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)
    with _answering(stack, data) as door:
        OUT.print(f"open {door.address}/?key={door.key}", soft_wrap=True, highlight=False)
        OUT.print(f"ask  yizhan sql --data {data} 'SELECT * FROM parcels'", soft_wrap=True, highlight=False)
        OUT.print("stop with Ctrl-C; the data stays")
        while not stop.wait(CHECK_SECONDS):
            stack.check()


@contextmanager
def _answering(stack: Stack, data: Path) -> Iterator[Door]:
    door, listening = open_door(data)
    take_in = partial(stack.take_in, seen=lambda _: None)
    routes = app(door.key, data, stack.query, take_in, stack.account, stack.warehouse.mark)
    server = uvicorn.Server(uvicorn.Config(routes, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        close_door(data)
