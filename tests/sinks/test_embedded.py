"""What only the embedded store promises: one process per folder, threads, death at any moment, quick keys."""

import random
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.store import StoreBusy, StoreError
from sinks.clickhouse.writer import Kind, Writer
from tests.sinks.records import parcel, scan, table
from tests.sinks.writing_process import ROWS

PARCELS = 100_000
BY_KEY = (
    "SELECT * FROM parcels WHERE parcel_id = 'sf:P77777'",
    "SELECT * FROM parcel_stages WHERE parcel_id = 'sf:P77777'",
    "SELECT * FROM scan_events WHERE issuer = 'sf' AND tracking_number = 'P77777'",
    "SELECT * FROM parcels WHERE has(waybills, 'yto:P77777')",
)


def test_a_folder_has_one_process(embedded: ChdbStore, tmp_path: Path) -> None:
    """A second process, or a second store of this one, is told which folder is taken; closing frees it."""
    again = f"""
from pathlib import Path
from sinks.clickhouse.embedded import ChdbStore
ChdbStore(Path({str(tmp_path / "data")!r}))"""
    other = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True, check=False)
    assert other.returncode != 0
    assert re.search(r"StoreBusy: .*data is open already", other.stderr)
    with pytest.raises(StoreBusy, match="data is open already"):
        ChdbStore(tmp_path / "data")

    embedded.close()
    embedded.close()
    assert subprocess.run([sys.executable, "-c", again], capture_output=True, check=False).returncode == 0


def test_rows_outlive_the_store(embedded: ChdbStore, tmp_path: Path) -> None:
    """A folder opened again shows what was written."""
    Writer(embedded).write([(Kind.LIFECYCLES, table("parcel_lifecycle", [parcel()]))])
    embedded.close()

    reopened = ChdbStore(tmp_path / "data")
    assert reopened.query("SELECT parcel_id FROM parcels")["parcel_id"].to_pylist() == ["sf:SF1"]
    reopened.close()


def test_an_insert_is_a_file_not_one_for_each_column(embedded: ChdbStore) -> None:
    """Above the engine's own bound of 10 MiB, too: a batch of a sink that is behind is larger."""
    rows = [parcel(parcel_id=f"sf:P{i}", shown_by="x" * 20_000) for i in range(1_000)]
    Writer(embedded).write([(Kind.LIFECYCLES, table("parcel_lifecycle", rows))])
    [part] = embedded.query("SELECT part_type FROM system.parts WHERE table = 'stored_parcels'").to_pylist()
    assert part == {"part_type": "Compact"}


def test_a_query_that_fails_midway_spoils_no_other(embedded: ChdbStore) -> None:
    """The answer after it is whole, and still only reading is possible."""
    for _ in range(3):
        with pytest.raises(StoreError, match="throwIf"):
            embedded.query("SELECT throwIf(number = 500000) FROM numbers(10000000)")
        assert embedded.query("SELECT 2 AS a").to_pylist() == [{"a": 2}]
    with pytest.raises(RuntimeError, match=r"(?i)readonly"):
        embedded._reading.query("TRUNCATE TABLE stored_scans")  # noqa: SLF001  # past our own check


def test_threads_write_and_read_at_once(embedded: ChdbStore) -> None:
    """Each thread's rows arrive, and none in place of another's."""

    def write(thread: int) -> None:
        for n in range(10):
            rows = [scan(event_id=f"{thread}-{n}-{i}", worker=f"w{thread}") for i in range(20)]
            Writer(embedded).write([(Kind.SCANS, table("scan_event", rows))])

    def read(_: int) -> int:
        seen: int = embedded.query("SELECT count() AS n FROM scan_events")["n"][0].as_py()
        return seen

    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write, thread) for thread in range(4)]
        assert all(0 <= n <= 800 for n in pool.map(read, range(40)))
        for each in writing:
            each.result()

    counts = embedded.query("SELECT worker, count() AS n FROM scan_events GROUP BY worker ORDER BY worker")
    assert counts.to_pylist() == [{"worker": f"w{t}", "n": 200} for t in range(4)]


def test_a_killed_writer_leaves_whole_batches(tmp_path: Path) -> None:
    """After SIGKILL in the middle of an insert, what was confirmed is there and no batch is there in part."""
    confirmed: set[int] = set()
    chance = random.Random(7)  # only when to kill
    for start in (0, 1000, 2000):
        confirmed |= _write_until_killed(tmp_path / "data", start, chance.uniform(0, 0.12))

    store = ChdbStore(tmp_path / "data")
    sql = "SELECT event_id, count() AS n FROM scan_events GROUP BY event_id"
    found = {int(row["event_id"][1:]): row["n"] for row in store.query(sql).to_pylist()}
    store.close()
    assert set(found.values()) == {ROWS}
    assert confirmed <= set(found)
    assert len(confirmed) >= 3


def _write_until_killed(path: Path, start: int, delay: float) -> set[int]:
    """Kill it while its third insert runs; the batches it said were confirmed."""
    command = [sys.executable, "-m", "tests.sinks.writing_process", str(path), str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        while f"begin {start + 2}\n" not in said:
            said.append(process.stdout.readline())
            assert said[-1], "the writer ended by itself"
        time.sleep(delay)
        process.kill()
        said += process.stdout.readlines()
    return {int(line.split()[1]) for line in said if line.startswith("done") and line.endswith("\n")}


def test_a_key_is_looked_up(embedded: ChdbStore) -> None:
    """One parcel is read from a few granules, not from the whole table, though the view removes duplicates."""
    _fill(embedded)
    for sql in BY_KEY:
        plan = "\n".join(embedded.query(f"EXPLAIN indexes = 1 {sql}").columns[0].to_pylist())
        granules = re.findall(r"Granules: (\d+)/(\d+)", plan)

        assert embedded.query(sql).num_rows == 1
        assert int(granules[0][1]) >= PARCELS // 1024, sql
        assert int(granules[-1][0]) <= 5, sql


def _fill(store: ChdbStore) -> None:
    number = "concat('P', toString(number))"
    waybills = f"[concat('sf:', {number}), concat('yto:', {number})]"
    parcels = f"SELECT concat('sf:', {number}), 1, {waybills}, ['county'] FROM numbers({PARCELS})"  # noqa: S608  # our own text
    scans = f"SELECT 'sf', {number}, 'sf', 'e' FROM numbers({PARCELS})"  # noqa: S608  # the same
    store.command(f"INSERT INTO stored_parcels (parcel_id, version, waybills, `stages.stage`) {parcels}")
    store.command(f"INSERT INTO stored_scans (issuer, tracking_number, source, event_id) {scans}")
