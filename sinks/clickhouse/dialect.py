"""One text of SQL for servers eight years apart.

Times are stored as `Int64` milliseconds since 1970, UTC: the only type that holds them on every server. The
views show them with `instant(column)`, written out as `DateTime64(3, 'UTC')` where the server has it, else as
`DateTime('UTC')` in whole seconds.

What an old server lacks stands between lines of their own: `-- since 23.3` takes the lines that follow on
servers from 23.3, `-- before 23.3` on older ones, `-- always` ends both.
"""

import re
from typing import Final

Version = tuple[int, int]

MODERN: Final[Version] = (23, 3)
_INSTANT: Final = re.compile(r"\binstant\(([\w.]+)\)")
_MARK: Final = re.compile(r"^-- (?:(since|before) (\d+)\.(\d+)|(always))$")


def version_of(text: str) -> Version:
    """Major and minor of what `SELECT version()` says."""
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def statements(text: str, version: Version) -> list[str]:
    """The statements of a migration's half that a server of this version runs, in order.

    A statement ends with a semicolon at the end of a line; comment lines are left out.
    """
    lines = (line for line in _lines(text, version) if not line.lstrip().startswith("--"))
    parts = re.split(r";\s*$", "\n".join(lines), flags=re.MULTILINE)
    return [_instants(part.strip(), version) for part in parts if part.strip()]


def _lines(text: str, version: Version) -> list[str]:
    kept, taken = [], True
    for line in text.splitlines():
        if mark := _MARK.match(line):
            taken = _holds(mark, version)
        elif taken:
            kept.append(line)
    return kept


def _holds(mark: re.Match[str], version: Version) -> bool:
    if mark[4]:
        return True
    newer = version >= (int(mark[2]), int(mark[3]))
    return newer if mark[1] == "since" else not newer


def _instants(sql: str, version: Version) -> str:
    modern = r"fromUnixTimestamp64Milli(\1, 'UTC')"
    return _INSTANT.sub(modern if version >= MODERN else r"toDateTime(intDiv(\1, 1000), 'UTC')", sql)
