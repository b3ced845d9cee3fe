"""Times, hours and colours as the tables of this folder show them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

CHINA: Final = timezone(timedelta(hours=8))
COLOURS: Final = {"OVERDUE": "red", "AT_RISK": "yellow"}
Row = dict[str, Any]


def instant(value: str | datetime | None) -> datetime | None:
    """A time as a desk gives it, with its zone."""
    if value is None:
        return None
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def iso(value: str | datetime | None) -> str | None:
    """The same as text for programs."""
    at = instant(value)
    return None if at is None else at.isoformat()


def local(value: str | datetime | None) -> str:
    """The same on a clock of the county."""
    at = instant(value)
    return "-" if at is None else f"{at.astimezone(CHINA):%m-%d %H:%M}"


def left(seconds: int | None) -> str:
    """`3.5 h left`, `12.0 h late`."""
    if seconds is None:
        return "-"
    return f"{abs(seconds) / 3600:.1f} h {'late' if seconds < 0 else 'left'}"


def coloured(text: str, level: str) -> str:
    """Marked up for the terminal."""
    colour = COLOURS.get(level)
    return f"[{colour}]{text}[/]" if colour else text


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> Table:
    """Rows for a person: the first column stays on one line, `numbers` stand to the right; no rows, no heads."""
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_header=bool(rows))
    for place, name in enumerate(columns):
        shown.add_column(name, overflow="fold", no_wrap=place == 0, justify="right" if name in numbers else "left")
    for row in rows:
        shown.add_row(*row)
    return shown
