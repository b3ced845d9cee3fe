"""What the command line prints: tables for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from yizhan.account import Account

OUT: Final = Console()
ERR: Final = Console(stderr=True)


def print_json(found: Any) -> None:  # noqa: ANN401  # JSON
    """One JSON document on standard output; times as ISO text."""
    OUT.print(json.dumps(found, ensure_ascii=False, default=str), soft_wrap=True, highlight=False, markup=False)


def print_rows(rows: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """Rows as a table; a dash for none."""
    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ("nothing found",):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row.values()))
    OUT.print(table)


def _counts(counts: Mapping[str, int], title: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    for name, count in counts.items():
        table.add_row(name, f"{count:>5}")
    return table


def _text(value: object) -> str:
    """A cell: times to the second, in UTC."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "-" if value is None else str(value)


def print_account(found: Account) -> None:
    """The account of a run and the slowest stages."""
    ok = "[green]exact[/]" if not found.missing else f"[red]{found.missing} missing[/]"
    OUT.print(
        f"[b]{found.documents}[/] documents: accepted [b]{found.accepted}[/] = stored {found.stored} + "
        f"dead-lettered {found.dead_lettered} + refused {found.refused} ({ok}); "
        f"{found.repeats} came again and changed nothing"
    )
    tables: list[Table] = []
    for title in ("scans_by_source", "unmapped_by_network", "dead_letters_by_reason", "parcels_by_status"):
        counts = getattr(found, title)
        if counts:
            tables.append(_counts(counts, title.replace("_", " ")))
    OUT.print(Columns(tables, padding=(0, 3)))
    if found.slowest_stages:
        print_rows(found.slowest_stages, "slowest stages")
