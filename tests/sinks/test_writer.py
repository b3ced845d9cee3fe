"""The writer's order: write, confirm, and only then may the caller commit."""

import pyarrow as pa
import pytest

from sinks.clickhouse.store import Rows, Store, StoreError
from sinks.clickhouse.writer import TABLES, Kind, Writer
from tests.sinks.records import alert, letter, parcel, scan, stage, table

BATCHES = [
    (Kind.DEAD_LETTERS, table("dead_letter", [letter()])),
    (Kind.SCANS, table("scan_event", [scan()])),
    (Kind.LIFECYCLES, table("parcel_lifecycle", [parcel(stages=[stage()])])),
    (Kind.ALERTS, table("parcel_alert", [alert()])),
    (Kind.SCANS, table("scan_event", [scan(event_id="e2")])),
]


class StopsBefore:
    """A store that dies at the insert of that number."""

    def __init__(self, store: Store, number: int) -> None:
        self._store, self._left = store, number
        self.version = store.version

    def insert(self, table: str, rows: Rows) -> None:
        """Pass on, or stop."""
        if self._left == 0:
            raise StoreError("stopped here")
        self._left -= 1
        self._store.insert(table, rows)

    def query(self, sql: str) -> pa.Table:
        """Pass on."""
        return self._store.query(sql)

    def command(self, sql: str) -> None:
        """Pass on."""
        self._store.command(sql)

    def close(self) -> None:
        """Pass on."""
        self._store.close()


def counted(store: Store) -> list[int]:
    views = ("scan_events", "parcels", "parcel_stages", "dead_letters", "delay_alerts")
    sql = [f"SELECT count() AS n FROM {view}" for view in views]  # noqa: S608  # our own names
    return [store.query(each)["n"][0].as_py() for each in sql]


@pytest.mark.parametrize("inserts", range(len(TABLES)))
def test_a_write_that_stops_half_way_is_mended_by_its_replay(store: Store, inserts: int) -> None:
    """It raises, so nothing is committed; the same batches again leave every row once."""
    with pytest.raises(StoreError, match="stopped here"):
        Writer(StopsBefore(store, inserts)).write(BATCHES)
    before = counted(store)
    assert sum(n > 0 for n in before) == inserts + (inserts > 1)

    assert Writer(store).write(BATCHES) == 5
    assert counted(store) == [2, 1, 1, 1, 1]


def test_a_write_that_was_not_committed_is_replayed_without_a_trace(store: Store) -> None:
    """Stopped between confirm and commit: all comes again and nothing changes."""
    Writer(store).write(BATCHES)
    before = counted(store)

    assert Writer(store).write(reversed(BATCHES)) == 5
    assert counted(store) == before == [2, 1, 1, 1, 1]


def test_nothing_to_write_is_nothing(store: Store) -> None:
    """No batches and empty batches write no rows."""
    assert Writer(store).write([]) == 0
    assert Writer(store).write([(Kind.SCANS, table("scan_event", []))]) == 0


def test_an_insert_is_one_part(store: Store) -> None:
    """However many rows and chunks: the engine makes a part visible as a whole, so a crash leaves all or nothing."""
    store.command("SYSTEM STOP MERGES")
    rows = 1_200_000  # more than the engines' own block of 1,048,576
    numbers = pa.table({"turn": pa.array(range(rows), pa.uint64()), "as_of": pa.array([1] * rows)})

    store.insert("stored_clock", pa.concat_tables([numbers.slice(0, 5), numbers.slice(5)]))

    found = store.query("SELECT count() AS n, uniqExact(_part) AS parts FROM stored_clock").to_pylist()
    store.command("SYSTEM START MERGES")
    assert found == [{"n": rows, "parts": 1}]
