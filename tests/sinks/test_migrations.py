"""Migrations go both ways, on both stores."""

import pytest

from sinks.clickhouse import migrate
from sinks.clickhouse.dialect import statements
from sinks.clickhouse.store import Store, StoreError

OLD, NEW = (18, 16), (26, 9)


def tables(store: Store) -> list[str]:
    names: list[str] = store.query("SHOW TABLES")["name"].to_pylist()
    return names


def test_all_up_all_down_and_up_again(empty_store: Store) -> None:
    """Reverting everything leaves nothing, not even the journal; what comes back is the same."""
    done = migrate.apply(empty_store)
    first = tables(empty_store)
    assert len(done) == len(migrate.migrations()) > 20
    assert {"scan_events", "parcels", "parcel_stages", "dead_letters", "facilities"} < set(first)

    undone = migrate.revert(empty_store)
    assert [s.migration.number for s in undone] == [s.migration.number for s in reversed(done)]
    assert tables(empty_store) == []

    migrate.apply(empty_store)
    assert tables(empty_store) == first


def test_each_migration_is_undone_by_its_own_down(empty_store: Store) -> None:
    """One step down takes away exactly what one step up brought."""
    migrate.apply(empty_store, 0)
    numbers = [migration.number for migration in migrate.migrations()]
    for below, number in zip([0, *numbers], numbers, strict=False):  # the last is below none
        before = tables(empty_store)
        migrate.apply(empty_store, number)
        migrate.revert(empty_store, below)
        if below:
            assert tables(empty_store) == before, number
        migrate.apply(empty_store, number)


def test_status_says_what_is_applied(empty_store: Store) -> None:
    """Up to a number, and only what is missing is planned."""
    migrate.apply(empty_store, 3)

    applied = [m.number for m, done in migrate.status(empty_store) if done]
    assert applied == [1, 2, 3]
    assert [s.migration.number for s in migrate.plan(empty_store, "up", 5)] == [4, 5]
    assert [s.migration.number for s in migrate.plan(empty_store, "down", 1)] == [3, 2]


def test_a_dry_run_shows_the_sql_and_changes_nothing(empty_store: Store) -> None:
    """Every statement as this server would get it."""
    plan = migrate.plan(empty_store, "up")

    text = migrate.dry_run(plan)

    assert text.count("-- 00") == len(plan)
    assert "-- 0001_stored_scans up\nCREATE TABLE IF NOT EXISTS stored_scans (" in text
    assert all(sql + ";\n" in text for step in plan for sql in step.statements)
    assert "instant(" not in text
    assert tables(empty_store) == []


def test_a_run_that_was_cut_short_is_finished(empty_store: Store) -> None:
    """A table made whose journal entry was not written does not stop the next run."""
    for sql in migrate.plan(empty_store, "up", 1)[0].statements:
        empty_store.command(sql)

    assert migrate.apply(empty_store)
    assert all(done for _, done in migrate.status(empty_store))


def test_a_statement_that_fails_is_not_noted(empty_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before it stays applied; it and what comes after are still to do."""
    good = migrate.migrations()
    broken = [good[0], migrate.Migration(2, "broken", "CREATE VIEW x AS SELECT no_such_column;", ""), *good[2:]]
    monkeypatch.setattr(migrate, "migrations", lambda: broken)

    with pytest.raises(StoreError, match="no_such_column"):
        migrate.apply(empty_store)

    assert [m.number for m, done in migrate.status(empty_store) if done] == [1]


def test_a_database_ahead_of_the_files_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older version of the program does not touch a newer database."""
    fewer = migrate.migrations()[:-1]
    monkeypatch.setattr(migrate, "migrations", lambda: fewer)

    with pytest.raises(migrate.BadMigration, match="upgrade"):
        migrate.apply(store)


def test_lines_are_taken_by_the_servers_version() -> None:
    """since, before and always, also within a statement; times as the server can."""
    text = "SELECT\n-- since 23.3\na,\n-- before 23.3\nb,\n-- always\n-- why\ninstant(c) AS c;\nSELECT 2;\n"

    new, old = statements(text, NEW), statements(text, OLD)

    assert new == ["SELECT\na,\nfromUnixTimestamp64Milli(c, 'UTC') AS c", "SELECT 2"]
    assert old == ["SELECT\nb,\ntoDateTime(intDiv(c, 1000), 'UTC') AS c", "SELECT 2"]
    assert statements("-- since 23.3\nALTER;", (23, 2)) == []
    assert statements("-- since 23.3\nALTER;", (23, 3)) == ["ALTER"]


def test_files_without_both_halves_are_refused() -> None:
    """A file that could not be reverted is no migration."""
    with pytest.raises(migrate.BadMigration, match=r"0001_x\.sql"):
        migrate._read("0001_x.sql", "-- why\n-- up\nSELECT 1;\n")  # noqa: SLF001  # files are fixed at build time
