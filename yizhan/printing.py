"""What the command line prints: tables for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

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
        table.add_row(*("-" if value is None else str(value) for value in row.values()))
    OUT.print(table)


def print_account(found: Account) -> None:
    """The account of a run and the slowest stages."""
    ok = "[green]exact[/]" if not found.missing else f"[red]{found.missing} missing[/]"
    OUT.print(
        f"[b]{found.documents}[/] documents: accepted [b]{found.accepted}[/] = stored {found.stored} + "
        f"dead-lettered {found.dead_lettered} + refused {found.refused} ({ok}); "
        f"{found.repeats} came again and changed nothing"
    )
    for title in ("scans_by_source", "unmapped_by_network", "dead_letters_by_reason", "parcels_by_status"):
        counts = getattr(found, title)
        if counts:
            print_rows([counts], title.replace("_", " "))
    if found.slowest_stages:
        print_rows(found.slowest_stages, "slowest stages")
