"""A ClickHouse server reached by its native protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import pyarrow as pa
from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from sinks.clickhouse.arrow import column
from sinks.clickhouse.dialect import Version, version_of
from sinks.clickhouse.store import Rows, StoreError, insert_into, reading, text_or_bytes

_ONE_PART: Final = {
    "insert_block_size": 1_000_000_000,
    "max_insert_block_size": 1_000_000_000,
    "min_insert_block_size_rows": 0,
    "min_insert_block_size_bytes": 0,
}


@dataclass(frozen=True)
class ServerSettings:
    """Where the server is and who we are; times in seconds.

    `secure`: TLS, the host name checked; `ca_certs`: PEM file of who signed the certificate, else the system's.
    """

    host: str = "localhost"
    port: int = 9000
    user: str = "default"
    password: str = ""
    database: str = "default"
    secure: bool = False
    ca_certs: Path | None = None
    connect_timeout: float = 10
    send_receive_timeout: float = 300


class ServerStore:
    """A database of a server, from 18.16 on; it has to exist.

    Writing and reading have a connection and a lock each; reading queries go out with `readonly = 1`.
    An insert that returned is a part on the server's disk; a server before 23.3 does not force it there, so a
    loss of its power can still take it. After a fault of the network the next call connects anew.
    """

    def __init__(self, settings: ServerSettings) -> None:
        told = vars(settings) | {"ca_certs": settings.ca_certs and str(settings.ca_certs), "client_name": "yizhan"}
        self._writing = Client(**told)
        self._reading = Client(**told, settings={"strings_as_bytes": True})
        self._write_lock, self._read_lock = Lock(), Lock()
        self.version: Version = version_of(self.query("SELECT version() AS v")["v"][0].as_py())

    def insert(self, table: str, rows: Rows) -> None:
        """Insert all rows as one part; `StoreError` if the server did not confirm."""
        if rows.num_rows == 0:
            return
        columns = [values.to_pylist() for values in rows.columns]
        sql = f"{insert_into(table, rows, self.version)} VALUES"
        self._run(self._write_lock, self._writing, sql, columns, columnar=True, settings=_ONE_PART)

    def query(self, sql: str) -> pa.Table:
        """Columns of a reading query; strings that are no UTF-8 come as binary. `NotReadOnly`, `StoreError`."""
        options = {"columnar": True, "with_column_types": True, "settings": {"readonly": 1}}
        values, named = self._run(self._read_lock, self._reading, reading(sql), None, **options)
        return text_or_bytes(_table(values, named))

    def command(self, sql: str) -> None:
        """Run one statement; `StoreError` with the server's message if it fails."""
        self._run(self._write_lock, self._writing, sql, None)

    def close(self) -> None:
        """Close both connections."""
        self._writing.disconnect()
        self._reading.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, lock: Lock, client: Client, sql: str, data: list[Any] | None, **options: Any) -> Any:  # noqa: ANN401  # the driver's shapes
        with lock:
            try:
                return client.execute(sql, data, **options)
            except (Error, OSError, EOFError) as cause:
                said = str(cause).partition(" Stack trace:")[0]
                raise StoreError(f"{said}\n{sql}") from cause


def _table(values: Sequence[Sequence[Any]], named: Sequence[tuple[str, str]]) -> pa.Table:
    columns = values or [() for _ in named]
    names = [name for name, _ in named]
    return pa.table([column(v, kind) for v, (_, kind) in zip(columns, named, strict=True)], names=names)
