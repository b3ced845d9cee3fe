"""Migrations of the ClickHouse tables: what is applied, what is to do, both ways.

`schema_migrations` keeps a line for each time a file was applied or reverted; the last line of a number holds.
A file's statements are repeatable (IF NOT EXISTS, IF EXISTS), so a run that was cut short is finished by the
next. Two runs at once against one server are not kept apart: run them from one place.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal

from sinks.clickhouse.dialect import statements
from sinks.clickhouse.store import Store

Direction = Literal["up", "down"]

JOURNAL: Final = "schema_migrations"
_CREATE_JOURNAL: Final = f"""CREATE TABLE IF NOT EXISTS {JOURNAL} (
    number UInt32, name String, turn UInt64, applied UInt8, at DateTime
) ENGINE = MergeTree ORDER BY (number, turn)"""
_FILE: Final = re.compile(r"^(\d{4})_(\w+)\.sql$")


class BadMigration(ValueError):
    """Files that cannot be used, or a database that is ahead of them: says which number and why."""


@dataclass(frozen=True)
class Migration:
    """One file: its number, its name and the SQL of both directions before the dialect."""

    number: int
    name: str
    up: str
    down: str


@dataclass(frozen=True)
class Step:
    """One migration in one direction, with the statements this server will run."""

    migration: Migration
    direction: Direction
    statements: tuple[str, ...]


def migrations() -> list[Migration]:
    """All files in order of number; `BadMigration` if numbers repeat."""
    found = [_read(file.name, file.read_text("utf-8")) for file in _files()]
    if len({m.number for m in found}) != len(found):
        raise BadMigration(f"numbers repeat: {[m.number for m in found]}")
    return found


def _files() -> list[resources.abc.Traversable]:
    folder = resources.files("sinks.clickhouse.migrations")
    return sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)


def _read(file: str, text: str) -> Migration:
    name, halves = _FILE.match(file), re.split(r"^-- (?:up|down)\n", text, flags=re.MULTILINE)
    if not name or len(halves) != 3:  # noqa: PLR2004  # what it is for, up, down
        raise BadMigration(f"{file}: wants a name like 0001_name.sql and the parts -- up and -- down")
    return Migration(int(name[1]), name[2], halves[1], halves[2])


def status(store: Store) -> list[tuple[Migration, bool]]:
    """Every migration and whether it is applied; `BadMigration` if the database knows more than the files."""
    known, applied = migrations(), _applied(store)
    if beyond := sorted(applied - {m.number for m in known}):
        raise BadMigration(f"the database has migrations {beyond}, which this version does not know: upgrade")
    return [(m, m.number in applied) for m in known]


def plan(store: Store, direction: Direction, target: int | None = None) -> list[Step]:
    """Steps up to and including number `target` (all), or down to it, exclusive (0: nothing stays)."""
    found = status(store)
    if direction == "up":
        todo = [m for m, done in found if not done and (target is None or m.number <= target)]
    else:
        todo = [m for m, done in reversed(found) if done and m.number > (target or 0)]
    return [Step(m, direction, _statements(m, direction, store)) for m in todo]


def dry_run(steps: Sequence[Step]) -> str:
    """The SQL of the steps as it would run, each under its number, name and direction."""
    headed = ((f"-- {s.migration.number:04d}_{s.migration.name} {s.direction}", s.statements) for s in steps)
    return "".join(f"{head}\n{''.join(f'{sql};{chr(10)}' for sql in sqls)}" for head, sqls in headed)


def apply(store: Store, target: int | None = None) -> list[Step]:
    """Apply what is missing, up to `target`; the steps done. A statement that fails raises `StoreError`."""
    return _run(store, plan(store, "up", target))


def revert(store: Store, target: int = 0) -> list[Step]:
    """Revert what lies above `target`, last first; the steps done. With 0 the journal goes, too."""
    steps = _run(store, plan(store, "down", target))
    if target == 0:
        store.command(f"DROP TABLE IF EXISTS {JOURNAL}")
    return steps


def _run(store: Store, steps: list[Step]) -> list[Step]:
    store.command(_CREATE_JOURNAL)
    for step in steps:
        for sql in step.statements:
            store.command(sql)
        _note(store, step)
    return steps


def _note(store: Store, step: Step) -> None:
    turn = store.query(f"SELECT count() + 1 AS turn FROM {JOURNAL}")["turn"][0].as_py()  # noqa: S608  # own name
    m, applied = step.migration, int(step.direction == "up")
    store.command(f"INSERT INTO {JOURNAL} SELECT {m.number}, '{m.name}', {turn}, {applied}, now()")


def _statements(migration: Migration, direction: Direction, store: Store) -> tuple[str, ...]:
    text = migration.up if direction == "up" else migration.down
    return tuple(statements(text, store.version))


def _applied(store: Store) -> set[int]:
    if JOURNAL not in store.query("SHOW TABLES")["name"].to_pylist():
        return set()
    sql = f"SELECT number FROM {JOURNAL} GROUP BY number HAVING argMax(applied, turn) = 1"  # noqa: S608  # own name
    return set(store.query(sql)["number"].to_pylist())
