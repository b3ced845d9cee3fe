"""Questions to a data folder: to the stack that runs on it, else to the folder itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sinks.clickhouse.embedded import ChdbStore
from yizhan.embedded.door import Door, find_door


class NoData(RuntimeError):
    """The folder holds nothing yet."""


class Desk(Protocol):
    """Answers read-only SQL with rows."""

    def rows(self, query: str) -> list[dict[str, Any]]: ...  # noqa: D102


class StackDesk:
    """Asks the running stack."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Times come as ISO text."""
        found: list[dict[str, Any]] = self._door.ask("/sql", {"query": query})["rows"]
        return found


class FolderDesk:
    """Opens the folder itself."""

    def __init__(self, store: ChdbStore) -> None:
        self._store = store

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Times come as datetime."""
        return self._store.query(query).to_pylist()


@contextmanager
def desk(data: Path) -> Iterator[Desk]:
    """Whoever can answer for this folder; raises NoData where nothing was imported yet."""
    door = find_door(data)
    if door is not None:
        yield StackDesk(door)
        return
    if not (data / "clickhouse").exists():
        raise NoData(f"{data} holds no data yet; begin with: yizhan up PATH --data {data}")
    store = ChdbStore(data / "clickhouse")
    try:
        yield FolderDesk(store)
    finally:
        store.close()


def quoted(text: str) -> str:
    """A string literal of ClickHouse SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
