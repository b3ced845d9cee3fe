"""The commands of an operator's day. `yizhan/cli.py` mounts them."""

import getpass
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.live import Live

from schemas.promises import KINDS, LEVELS
from sinks.alerts.marks import Mark
from yizhan.desk import desk
from yizhan.operations import alerts as alerting
from yizhan.operations import figures as reckoning
from yizhan.operations import late as lateness
from yizhan.operations.places import named
from yizhan.printing import OUT, print_found, print_json, print_table

LOOK_SECONDS: Final = 2.0

Where = Annotated[
    Path | None, typer.Option("--data", help="Folder of the embedded stack; without it the cluster, if one is set up.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Kind = StrEnum("Kind", {kind: kind for kind in KINDS})  # type: ignore[misc]  # made of the declared words
Level = StrEnum("Level", {level: level for level in LEVELS})  # type: ignore[misc]  # the same
Place = Annotated[str | None, typer.Option(help="Part of its name, or its 12 digits.")]
Id = Annotated[str, typer.Argument(help="An alert, an incident, or a parcel's number.")]
Note = Annotated[str, typer.Option(help="What others should know.")]

alerts = typer.Typer(invoke_without_command=True, help="What burns: alerts that stand open; ack and snooze them.")
operations = typer.Typer()


def mount(cli: typer.Typer) -> None:
    """Add everything to the command."""
    cli.add_typer(operations)
    cli.add_typer(alerts, name="alerts")


@alerts.callback()
def show_alerts(  # noqa: PLR0913, PLR0917  # one for each option of the command
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing until Ctrl-C.")] = False,
    kind: Annotated[Kind | None, typer.Option(case_sensitive=False)] = None,
    level: Annotated[Level | None, typer.Option(case_sensitive=False)] = None,
    county: Place = None,
    township: Place = None,
    village: Place = None,
    data: Where = None,
    as_json: Json = False,
) -> None:
    """Show incidents that stand open, the gravest first; --json has each alert, with --watch a line when it is new."""
    if context.invoked_subcommand:
        return
    chosen = {"kind": kind, "level": level, "county": county, "township": township, "village": village}

    def look() -> list[dict[str, Any]]:
        with desk(data) as asked:
            return alerting.open_alerts(asked, alerting.narrowed(asked, **chosen))

    if watch:
        _watch_lines(look) if as_json else _watch_table(look)
    elif as_json:
        print_json(look())
    else:
        print_table(alerting.shown_incidents(look()))


@alerts.command()
def show(name: Id, data: Where = None, as_json: Json = False) -> None:
    """Show each open alert of an incident or a parcel."""
    with desk(data) as asked:
        found = alerting.found_by(asked, name)
    if as_json:
        print_json(found)
    else:
        print_table(alerting.shown(found))


@alerts.command()
def ack(
    name: Id,
    note: Note = "",
    by: Annotated[str, typer.Option(help="Who takes it on.")] = "",
    data: Where = None,
    as_json: Json = False,
) -> None:
    """Take an alert on: it is not repeated, but told again if it grows worse."""
    _mark(name, data, lambda ids, now: alerting.acknowledgements(ids, by or getpass.getuser(), note, now), as_json)


@alerts.command()
def snooze(
    name: Id,
    span: Annotated[str, typer.Option("--for", help="30m, 2h, 1d; 0 ends it.")],
    note: Note = "",
    by: Annotated[str, typer.Option(help="Who says so.")] = "",
    data: Where = None,
    as_json: Json = False,
) -> None:
    """Put an alert off: nothing is said of it until then."""
    length = alerting.span(span)
    _mark(name, data, lambda ids, now: alerting.snoozes(ids, length, by or getpass.getuser(), note, now), as_json)


@alerts.command()
def undelivered(data: Where = None, as_json: Json = False) -> None:
    """List messages that a webhook did not take in its time."""
    with desk(data) as asked:
        found = asked.rows("SELECT * FROM undelivered_alerts ORDER BY given_up_at, endpoint, message_id")
    print_found(found, as_json=as_json)


@operations.command()
def late(
    village: Place = None,
    township: Place = None,
    operator: Annotated[str | None, typer.Option(help="Who has it now.")] = None,
    data: Where = None,
    as_json: Json = False,
) -> None:
    """Show parcels that are late or about to be: who has each, the deadline, what to do."""
    with desk(data) as asked:
        found = lateness.late_parcels(asked, village=village, township=township, operator=operator)
    if as_json:
        print_json(found)
    else:
        print_table(lateness.shown(found))


@operations.command()
def figures(
    by: Annotated[reckoning.By, typer.Option(help="What they are told apart by.")] = reckoning.By.DAY,
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")] = None,
    data: Where = None,
    as_json: Json = False,
) -> None:
    """Show the official figures: stages, whole time, 48 and 72 hour rates, by day of collection."""
    with desk(data) as asked:
        found = reckoning.official(asked, by, since and since.date(), until and until.date())
        names = named(asked)
    if as_json:
        print_json(found)
    else:
        print_table(reckoning.shown(by, found, names))


def _mark(
    name: str,
    data: Path | None,
    marks: Callable[[list[str], int], list[Mark]],
    as_json: bool,  # noqa: FBT001  # passed on
) -> None:
    with desk(data) as asked:
        found = alerting.found_by(asked, name)
        asked.mark(marks(alerting.meant(name, found), time.time_ns() // 1_000_000))
        after = alerting.found_by(asked, name)
    if as_json:
        print_json(after)
    else:
        print_table(alerting.shown(after))


def _looks(look: Callable[[], list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
    while True:
        yield look()
        time.sleep(LOOK_SECONDS)


def _watch_table(look: Callable[[], list[dict[str, Any]]]) -> None:
    try:
        with Live(console=OUT, auto_refresh=False, screen=OUT.is_terminal) as live:
            for found in _looks(look):
                live.update(alerting.shown_incidents(found), refresh=True)
    except KeyboardInterrupt:
        return


def _watch_lines(look: Callable[[], list[dict[str, Any]]]) -> None:
    known: set[str] = set()
    try:
        for found in _looks(look):
            for row in (row for row in found if row["alert_id"] not in known):
                print_json(row)
            known = {row["alert_id"] for row in found}
    except KeyboardInterrupt:
        return
