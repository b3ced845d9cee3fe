"""Users' queries read our tables and do nothing else, on both stores."""

from pathlib import Path

import pytest

from sinks.clickhouse.store import NotReadOnly, Store, StoreError, reading

PLAIN = [
    "SELECT 1 AS x;",
    "-- a comment; with a semicolon\nSELECT 1 AS x",
    "WITH 1 AS x SELECT x",
    "SELECT count() - 0 AS x FROM parcels WHERE parcel_id = 'it\\'s; -- INTO OUTFILE' OR 1",
    "SELECT 1 AS `x y`, 'file(' AS \"it's\"",
    "SHOW TABLES",
    "DESCRIBE TABLE parcels",
]
REFUSED = [
    "INSERT INTO stored_clock VALUES (1, 1)",
    "DROP TABLE stored_clock",
    "SET readonly = 0",
    "USE system",
    "KILL QUERY WHERE 1",
    "",
    "SELECT 1; DROP TABLE stored_clock",
    "SELECT 1 INTO OUTFILE '{file}.out'",
    "SELECT 1 INTO/**/OUTFILE '{file}.out'",
    "SELECT 1 FORMAT CSV",
    "SELECT file('{file}')",
    "SELECT `file`/* */('{file}')",
    "SELECT `fi\\x6ce`('{file}')",
    "SELECT 1 AS \"'\", file('{file}') AS \"'\"",
    "SELECT $$'$$, file('{file}'), $$'$$",
    "SELECT ‘'’, file('{file}'), ‘'’",
    "DESCRIBE file('{file}')",
    "DESCRIBE TABLE url('http://127.0.0.1:1/')",
    "DESCRIBE (SELECT 1)",
]
BY_THE_ENGINE = [
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1:1', 'system.one')",
    "SELECT 1 SETTINGS readonly = 0",
]


def test_reading_is_let_through(store: Store) -> None:
    """Quotes, comments and a last semicolon are no reason to refuse."""
    for sql in PLAIN:
        assert store.query(sql).num_rows >= 1, sql


@pytest.mark.parametrize("sql", REFUSED)
def test_all_else_is_refused(sql: str) -> None:
    """Writes, several statements, files and addresses, however they are dressed."""
    with pytest.raises(NotReadOnly):
        reading(sql)


def test_what_is_refused_never_reaches_the_engine(store: Store, tmp_path: Path) -> None:
    """No file is written, none read, no table changed."""
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")

    for sql in REFUSED:
        with pytest.raises(NotReadOnly):
            store.query(sql.replace("{file}", str(outside)))

    assert [p.name for p in tmp_path.glob("outside*")] == ["outside.csv"]
    assert store.query("SELECT count() AS n FROM stored_clock")["n"].to_pylist() == [0]


def test_the_engine_refuses_what_reaches_outside(store: Store) -> None:
    """Table functions that read elsewhere and settings that would allow it fail as read-only."""
    for sql in BY_THE_ENGINE:
        with pytest.raises(StoreError, match=r"(?i)readonly"):
            store.query(sql)


def test_a_query_that_is_wrong_says_so(store: Store) -> None:
    """The engine's own words, and the store works on."""
    with pytest.raises(StoreError, match="no_such_table"):
        store.query("SELECT * FROM no_such_table")
    assert store.query("SELECT 1 AS x")["x"].to_pylist() == [1]


def test_a_result_without_rows_keeps_its_columns(store: Store) -> None:
    """Names and types are there for whoever reads on."""
    empty = store.query("SELECT parcel_id, waybills, scans, deadline_at FROM parcels")
    assert empty.schema.names == ["parcel_id", "waybills", "scans", "deadline_at"]
    assert [str(t) for t in empty.schema.types][2] == "int32"
