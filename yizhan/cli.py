"""The `yizhan` command: every call says what to do next if it fails, and exits non-zero."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from schemas.vocabulary import MILESTONES
from yizhan.desk import desk, quoted
from yizhan.doctor import findings
from yizhan.embedded.run import import_into, run_up
from yizhan.printing import ERR, OUT, print_json, print_rows


class NotFound(LookupError):
    """What was asked for is not there."""


cli = typer.Typer(no_args_is_help=True, add_completion=False, help="The event backbone of rural parcel networks.")
letters = typer.Typer(no_args_is_help=True, help="What could not be taken, with its bytes and the reason.")
cli.add_typer(letters, name="dead-letters")

Data = Annotated[Path, typer.Option("--data", help="Folder of the embedded stack.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
HERE: Final = Path("yizhan-data")

Paths = Annotated[list[Path], typer.Argument(exists=True, help="Payload files, or folders of them and reference CSVs.")]


@cli.command()
def up(
    paths: Annotated[list[Path] | None, typer.Argument(exists=True, help="Folders or files to take in.")] = None,
    data: Data = HERE,
    as_of: Annotated[str | None, typer.Option(help="Fix the clock of verdicts: 2026-03-15T12:00:00Z.")] = None,
    leave: Annotated[bool, typer.Option("--exit", help="Leave when all is settled; the data stays.")] = False,
    as_json: Json = False,
) -> None:
    """Start broker, admission, stream job and ClickHouse in this process; load PATH; print the account."""
    run_up(paths or [], data, _instant(as_of), leave=leave, as_json=as_json)


@cli.command("import")
def import_files(
    files: Paths,
    source: Annotated[str | None, typer.Option(help="Which network's format; else told by the file's name.")] = None,
    data: Data = HERE,
    as_json: Json = False,
) -> None:
    """Take payload files in: through the stack that runs on DIR, else through one for this import."""
    import_into(files, source, data, as_json=as_json)


@cli.command()
def track(number: str, data: Data = HERE, as_json: Json = False) -> None:
    """Show the parcel that ever travelled under NUMBER (with or without `issuer:`)."""
    wanted = number.upper().replace(" ", "") if ":" not in number else number
    test = f"w = {quoted(wanted)}" if ":" in number else f"splitByChar(':', w)[2] = {quoted(wanted)}"
    with desk(data) as asked:
        found = asked.rows(f"SELECT * FROM parcels WHERE arrayExists(w -> {test}, waybills)")  # quoted
        if not found:
            raise NotFound(f"no parcel ever travelled under {number}; is it imported? See: yizhan dead-letters list")
        ids = ", ".join(quoted(parcel["parcel_id"]) for parcel in found)
        stages = asked.rows(f"SELECT * FROM parcel_stages WHERE parcel_id IN ({ids}) ORDER BY parcel_id, started_at")
    _show_parcels(found, stages, as_json=as_json)


def _show_parcels(found: list[dict[str, Any]], stages: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(
            [parcel | {"stages": [s for s in stages if s["parcel_id"] == parcel["parcel_id"]]} for parcel in found]
        )
        return
    for parcel in found:
        OUT.print(
            f"[b]{parcel['shown_by']}[/]  {parcel['status']}  {parcel['direction']}  with {parcel['custodian'] or '-'}"
        )
        OUT.print("waybills: " + ", ".join(parcel["waybills"]))
        passed = [(name, parcel[f"{name}_at"]) for name in (m.name for m in MILESTONES)]
        print_rows([{"milestone": name, "at (UTC)": at} for name, at in passed if at is not None])
        print_rows([_stage(stage) for stage in _of(parcel, stages)], "stages")


def _of(parcel: dict[str, Any], stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [stage for stage in stages if stage["parcel_id"] == parcel["parcel_id"]]


def _stage(stage: dict[str, Any]) -> dict[str, Any]:
    hours = None if stage["seconds"] is None else f"{stage['seconds'] / 3600:.1f}"
    shown = {name: stage[name] for name in ("stage", "state", "verdict", "target", "operator")}
    return shown | {"hours": hours}


@cli.command()
def sql(query: str, data: Data = HERE, as_json: Json = False) -> None:
    """Ask ClickHouse: scan_events, parcels, parcel_stages, dead_letters, facilities, ..."""
    with desk(data) as asked:
        found = asked.rows(query)
    (print_json if as_json else print_rows)(found)


@letters.command("list")
def list_letters(
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
    data: Data = HERE,
    as_json: Json = False,
) -> None:
    """List what was refused: source, reason, field and cause."""
    where = f"WHERE reason = {quoted(reason)}" if reason else ""
    columns = "letter_id, source, reason, field, detail"
    with desk(data) as asked:
        found = asked.rows(f"SELECT {columns} FROM dead_letters {where} ORDER BY received_at, letter_id")
    (print_json if as_json else print_rows)(found)


@letters.command("show")
def show_letter(letter_id: str, data: Data = HERE, as_json: Json = False) -> None:
    """Show one dead letter with its bytes."""
    with desk(data) as asked:
        found = asked.rows(f"SELECT * FROM dead_letters WHERE letter_id = {quoted(letter_id)}")
    if not found:
        raise NotFound(f"no dead letter {letter_id}; see: yizhan dead-letters list")
    if as_json:
        print_json(found)
        return
    print_rows([{"field": name, "value": value} for name, value in found[0].items()])


@cli.command()
def doctor(data: Data = HERE, as_json: Json = False) -> None:
    """Check that this machine and folder can run the stack."""
    found = findings(data)
    (print_json if as_json else print_rows)(found)
    if not all(row["ok"] for row in found):
        raise typer.Exit(1)


def _instant(text: str | None) -> int | None:
    """Epoch ms of an ISO time; one without a zone is UTC."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as cause:
        raise typer.BadParameter(f"--as-of {text!r} is no time; write it like 2026-03-15T12:00:00Z") from cause
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def main() -> None:
    """Run the command; an expected failure is one line, not a traceback."""
    try:
        cli()
    except (OSError, ValueError, LookupError, RuntimeError) as failure:
        ERR.print(f"[red]yizhan:[/] {failure}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
