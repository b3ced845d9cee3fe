"""ClickHouse within our own process (chdb), its data on disk."""

import fcntl
import io
from pathlib import Path
from threading import Lock
from typing import IO, Any, Protocol

import pyarrow as pa
from chdb import state
from chdb.state.sqlitelike import Connection

from sinks.clickhouse.dialect import Version, version_of
from sinks.clickhouse.store import Rows, StoreBusy, StoreError, insert_into, reading, text_or_bytes


class Inserter(Protocol):
    """An insert of chdb under way."""

    def append(self, data: bytes) -> None:
        """Give the engine more of the stream."""


class ChdbStore:
    """A folder of ClickHouse data; made if it is not there.

    One process per folder (`StoreBusy` otherwise), and one folder at a time per process: chdb is one engine.
    Writing and reading have a connection and a lock each; the reading one is `readonly` to the engine.
    An insert that returned survives the death of the process and a loss of power. Of the times a query makes up
    itself, DateTime comes as seconds (uint32); DateTime64, which the views use, as timestamp.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path, self._claim = path, _claim(path)
        try:
            self._writing, self._reading = state.connect(str(path)), _reading(path)
        except RuntimeError as cause:
            self._claim.close()
            raise StoreError(f"{path}: {cause}") from cause
        self._write_lock, self._read_lock = Lock(), Lock()
        self._open = True
        self.version: Version = version_of(self.query("SELECT version() AS v")["v"][0].as_py())

    def insert(self, table: str, rows: Rows) -> None:
        """Insert all rows as one part, on disk when this returns; `StoreError` otherwise."""
        if rows.num_rows == 0:
            return
        sql = insert_into(table, rows, self.version)
        with self._write_lock:
            try:
                with self._writing.send_insert(sql, "ArrowStream") as inserter:
                    _send(rows, inserter)
                    inserter.finish()
            except RuntimeError as cause:
                raise StoreError(f"{table}: {cause}") from cause

    def query(self, sql: str) -> pa.Table:
        """Columns of a reading query; strings that are no UTF-8 come as binary. `NotReadOnly`, `StoreError`."""
        text = reading(sql)
        with self._read_lock:
            try:
                found = self._reading.query(text, "Arrow")
            except RuntimeError as cause:
                # What a query wrote before it failed would come before the next one's answer.
                self._reading.close()
                self._reading = _reading(self._path)
                raise StoreError(str(cause)) from cause
            return text_or_bytes(_table(found.bytes()))

    def command(self, sql: str) -> None:
        """Run one statement; `StoreError` with the engine's message if it fails."""
        with self._write_lock:
            try:
                self._writing.query(sql)
            except RuntimeError as cause:
                raise StoreError(f"{cause}\n{sql}") from cause

    def close(self) -> None:
        """Close both connections, then give the folder free."""
        if not self._open:
            return
        self._open = False
        self._reading.close()
        self._writing.close()
        self._claim.close()


def _reading(path: Path) -> Connection:
    connection = state.connect(str(path))
    connection.query("SET readonly = 1")
    return connection


def _claim(path: Path) -> IO[str]:
    # chdb notices a second process, too, but names neither the folder nor the cause.
    claim = (path / "open.lock").open("w")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as cause:
        claim.close()
        raise StoreBusy(f"{path} is open already: one process, one store at a time") from cause
    return claim


class _Pieces(io.RawIOBase):
    """Hands on what is written at once: in one piece it would be copied three times, into new memory each time."""

    def __init__(self, inserter: Inserter) -> None:
        self._append = inserter.append

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:  # noqa: ANN401  # any buffer
        self._append(bytes(piece))
        return len(piece)


def _send(rows: Rows, inserter: Inserter) -> None:
    # One chunk is one block is one part; each chunk of a table would be a block of its own.
    whole = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows.combine_chunks()
    with pa.PythonFile(_Pieces(inserter), mode="w") as file, pa.ipc.new_stream(file, whole.schema) as writer:
        writer.write_table(whole)


def _table(arrow: bytes) -> pa.Table:
    return pa.ipc.open_file(arrow).read_all() if arrow else pa.table({})
