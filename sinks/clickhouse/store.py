"""What every ClickHouse we write to can do, embedded or server; and what a user's query may not do.

Rows go in as Arrow with columns named as the table's; queries come back as Arrow. Each insert is one block
and one part: after a crash all of its rows are there or none.
"""

import re
from typing import Final, Protocol, TypeAlias

import pyarrow as pa

from sinks.clickhouse.dialect import MODERN, Version

Rows: TypeAlias = pa.RecordBatch | pa.Table

_STARTS: Final = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN")
_QUOTED: Final = re.compile(r"(?P<name>`[^`]*`|\"[^\"]*\")|'(?:[^'\\]|\\.)*'|--[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_FORBIDDEN: Final = (
    (re.compile(r";"), "more than one statement"),
    (re.compile(r"\binto\s+outfile\b", re.IGNORECASE), "INTO OUTFILE"),
    (re.compile(r"\bformat\s+\w", re.IGNORECASE), "FORMAT: it comes back as columns"),
    (re.compile(r"\b(file|hasColumnInTable)[`\"]?\s*\("), "functions that reach beyond the tables"),
    # These would let a text look different to us and to the engine.
    (re.compile(r"[`\"'\\$‘’“”]"), "dollar signs, typographic quotes, open quotes or escapes in names"),
)
_PLAIN_DESCRIBE: Final = re.compile(r"^desc(ribe)?(\s+table)?\s+[\w.`\"]+\s*$", re.IGNORECASE)


class StoreError(RuntimeError):
    """The store refused or could not be reached; the message is the engine's own. Nothing is confirmed."""


class StoreBusy(StoreError):
    """Another store, mostly of another process, has this folder open: only one may."""


class NotReadOnly(ValueError):
    """A query that is no pure reading of our tables: says what it may not hold."""


class Store(Protocol):
    """A ClickHouse: rows in, columns out. Safe to use from several threads."""

    @property
    def version(self) -> Version:
        """The engine's major and minor version, such as (26, 9)."""

    def insert(self, table: str, rows: Rows) -> None:
        """Insert all rows or none; returns once they are confirmed. No rows are nothing to do."""

    def query(self, sql: str) -> pa.Table:
        """Read with SELECT, WITH, SHOW, DESCRIBE or EXPLAIN; `NotReadOnly` for anything else."""

    def command(self, sql: str) -> None:
        """Run a statement of our own that changes something."""

    def close(self) -> None:
        """Let go of files or connections; closing twice is harmless."""


def reading(sql: str) -> str:
    """The query without its last semicolon, if it only reads; the engine's `readonly` guards the rest.

    What the engine lets through although it reaches beyond the tables is refused here by name: writing files,
    reading files by the function file(), naming the shape of a file or address by DESCRIBE, KILL, USE, SET.
    """
    text = sql.strip().removesuffix(";")
    bare = _QUOTED.sub(lambda found: found["name"] or " ", text).strip()
    word = bare.split(maxsplit=1)[0].upper() if bare else ""
    if word not in _STARTS:
        raise NotReadOnly(f"a query begins with one of {', '.join(_STARTS)}, not with {word!r}")
    if word.startswith("DESC") and not _PLAIN_DESCRIBE.match(bare):
        raise NotReadOnly("DESCRIBE takes the name of a table and nothing else")
    for pattern, what in _FORBIDDEN:
        if pattern.search(_unquoted(bare) if "$" in pattern.pattern else bare):
            raise NotReadOnly(f"a query may not hold {what}")
    return text


def _unquoted(bare: str) -> str:
    return _QUOTED.sub(lambda found: " " if "\\" not in found[0] else found[0], bare)


def insert_into(table: str, rows: Rows, version: Version) -> str:
    """`INSERT INTO table (columns)` for these rows.

    The server is not to look for copies within them: a batch has hardly any, and reading never shows one.
    """
    columns = ", ".join(f"`{name}`" for name in rows.schema.names)
    told = " SETTINGS optimize_on_insert = 0" if version >= MODERN else ""
    return f"INSERT INTO {table} ({columns}){told}"


def text_or_bytes(table: pa.Table) -> pa.Table:
    """The same table, with columns of strings that are not UTF-8 as binary."""
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type) and not _is_text(table.column(position)):
            bytes_ = table.column(position).cast(pa.binary())
            table = table.set_column(position, field.name, bytes_)
    return table


def _is_text(column: pa.ChunkedArray) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
