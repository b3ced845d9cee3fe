"""Questions: to the cluster's ClickHouse, or to a data folder: the stack that runs on it, else the folder itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from sinks.alerts.marks import Mark, write_marks
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.store import Store
from yizhan.cluster.clients import store as server
from yizhan.cluster.settings import configured, read_settings
from yizhan.embedded.door import Door, find_door

HERE: Final = Path("yizhan-data")
"""Folder of the embedded stack where none is named."""


class NoData(RuntimeError):
    """The folder holds nothing yet."""


class Desk(Protocol):
    """Answers read-only SQL with rows, and notes what people say of alerts."""

    def rows(self, query: str) -> list[dict[str, Any]]: ...  # noqa: D102

    def mark(self, marks: Sequence[Mark]) -> None: ...  # noqa: D102


class StackDesk:
    """Asks the running stack."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Times come as ISO text."""
        found: list[dict[str, Any]] = self._door.ask("/sql", {"query": query})["rows"]
        return found

    def mark(self, marks: Sequence[Mark]) -> None:
        """The stack writes them."""
        self._door.ask("/alerts/marks", {"marks": [vars(mark) for mark in marks]})


class StoreDesk:
    """Asks a store itself."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Times come as datetime."""
        return self._store.query(query).to_pylist()

    def mark(self, marks: Sequence[Mark]) -> None:
        """Written at once; a user that may only read gets `StoreError`."""
        write_marks(self._store, marks)


@contextmanager
def desk(data: Path | None) -> Iterator[Desk]:
    """Whoever can answer for this folder; without one the cluster's server, if one is set up, else the folder HERE.

    Raises NoData where nothing was imported yet.
    """
    if data is None and configured():
        with server(read_settings()) as kept:
            yield StoreDesk(kept)
        return
    with _folder_desk(data or HERE) as asked:
        yield asked


@contextmanager
def _folder_desk(data: Path) -> Iterator[Desk]:
    door = find_door(data)
    if door is not None:
        yield StackDesk(door)
        return
    if not (data / "clickhouse").exists():
        raise NoData(f"{data} holds no data yet; begin with: yizhan up PATH --data {data}")
    store = ChdbStore(data / "clickhouse")
    try:
        yield StoreDesk(store)
    finally:
        store.close()


def quoted(text: str) -> str:
    """A string literal of ClickHouse SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
