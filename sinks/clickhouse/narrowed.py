"""A view over a few rows of the stored tables: its own SQL, so its own answers, without reading all that is stored.

A view cannot be told what it is asked about: no server carries a condition on its answer through its groups, unions
and inner questions to the keys of the tables. Here the condition is put where the tables are read.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from sinks.clickhouse.dialect import Version, statements
from sinks.clickhouse.migrate import migrations

_VIEW: Final = re.compile(r"^CREATE VIEW IF NOT EXISTS (\w+) AS (.*)$", re.DOTALL)
_READ: Final = re.compile(r"\b(FROM|JOIN) (\w+)( FINAL)?\b")


def narrowed(view: str, few: Mapping[str, str], version: Version) -> str:
    """The view as a subquery that reads each stored table of `few` only where its condition, SQL, holds.

    KeyError if there is no such view. The answer is the view's own for whatever these rows decide alone.
    """
    return f"({_opened(_bodies(version)[view], few, version)})"


def _opened(body: str, few: Mapping[str, str], version: Version) -> str:
    def read(found: re.Match[str]) -> str:
        word, name, final = found[1], found[2], found[3] or ""
        if name in few:
            return f"{word} (SELECT * FROM {name}{final} WHERE {few[name]})"  # noqa: S608  # our own words
        inner = _bodies(version).get(name)
        opened = inner and _opened(inner, few, version)
        return found[0] if opened == inner else f"{word} ({opened})"

    return _READ.sub(read, body)


@cache
def _bodies(version: Version) -> Mapping[str, str]:
    """The query of each view, as the last migration makes it."""
    made = (_VIEW.match(sql) for migration in migrations() for sql in statements(migration.up, version))
    return {found[1]: found[2] for found in made if found}
