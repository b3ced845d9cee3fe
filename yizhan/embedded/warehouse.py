"""ClickHouse inside this process, on disk under DIR/clickhouse."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from schemas.reference import Reference
from sinks.alerts.marks import Mark, write_marks
from sinks.clickhouse import migrate
from sinks.clickhouse.clock import set_clock
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.reference import load
from sinks.clickhouse.writer import Writer

FOLDER: Final = "clickhouse"


class Warehouse:
    """The store, migrated, with the reference data and the clock of this run."""

    def __init__(self, data: Path, reference: Reference, as_of: int | None) -> None:
        self._store = ChdbStore(data / FOLDER)
        migrate.apply(self._store)
        load(self._store, reference)
        set_clock(self._store, None if as_of is None else datetime.fromtimestamp(as_of / 1000, UTC))
        # Derived from the stored scans by the replay that follows; what an earlier run knew of links that
        # were withdrawn since would otherwise outrank it, and its clock may have been later than this one's.
        self._store.command("TRUNCATE TABLE stored_parcels")
        self.writer = Writer(self._store)

    def query(self, sql: str) -> pa.Table:
        """Read-only SQL."""
        return self._store.query(sql)

    def mark(self, marks: Sequence[Mark]) -> None:
        """Note what people said of alerts."""
        write_marks(self._store, marks)

    def close(self) -> None:
        """Give the folder free."""
        self._store.close()
