"""What the command line prints: tables for people, JSON for programs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from rich.columns import Columns
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from yizhan.account import Account

OUT: Final = Console()
ERR: Final = Console(stderr=True)
WIDEST: Final = 10_000
"""Columns; a cell that is wider is folded even in a pipe."""


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
    print_table(table)


def print_table(table: Table) -> None:
    """A table, folded to fit a terminal; whole where none is: a pipe or a file has no width."""
    if OUT.is_terminal:
        OUT.print(table)
        return
    whole = Measurement.get(OUT, OUT.options.update(max_width=WIDEST), table).maximum
    Console(width=whole).print(table)


def print_found(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Rows as JSON or as a table."""
    if as_json:
        print_json(rows)
    else:
        print_rows(rows)


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


@contextmanager
def taking_in(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar over so many documents; what it gives is told how many more are taken in."""
    ERR.print(f"taking in {total} documents")
    columns = SpinnerColumn(), TextColumn("taking in"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=ERR, transient=True) as progress:
        task = progress.add_task("taking in", total=total)
        yield lambda many: progress.advance(task, many)
