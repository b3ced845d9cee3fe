"""The `yizhan` command: every call says what to do next if it fails, and exits non-zero."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka import KafkaException

from yizhan.cluster import cli as cluster
from yizhan.cluster.importing import publish_files
from yizhan.cluster.settings import configured, read_settings
from yizhan.desk import HERE, desk, quoted
from yizhan.doctor import findings
from yizhan.embedded.run import import_into, run_up
from yizhan.operations import cli as operations
from yizhan.printing import ERR, print_found, print_json, print_rows
from yizhan.servers.cli import servers
from yizhan.sla import cli as sla
from yizhan.track import NotFound, track

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="The event backbone of rural parcel networks.")
letters = typer.Typer(no_args_is_help=True, help="What could not be taken, with its bytes and the reason.")
cli.add_typer(letters, name="dead-letters")
cluster.mount(cli)
sla.mount(cli)
operations.mount(cli)
cli.add_typer(servers, name="servers")

Data = Annotated[Path, typer.Option("--data", help="Folder of the embedded stack.", show_default=True)]
Where = Annotated[
    Path | None, typer.Option("--data", help="Folder of the embedded stack; without it the cluster, if one is set up.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

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
    data: Where = None,
    as_json: Json = False,
) -> None:
    """Take payload files in: into the cluster, if one is set up, else through an embedded stack on DIR."""
    if data is None and configured():
        publish_files(files, source, read_settings(), as_json=as_json)
    else:
        import_into(files, source, data or HERE, as_json=as_json)


cli.command()(track)


@cli.command()
def sql(query: str, data: Where = None, as_json: Json = False) -> None:
    """Ask ClickHouse: scan_events, parcels, parcel_stages, dead_letters, facilities, ..."""
    with desk(data) as asked:
        found = asked.rows(query)
    print_found(found, as_json=as_json)


@letters.command("list")
def list_letters(
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
    data: Where = None,
    as_json: Json = False,
) -> None:
    """List what was refused: source, reason, field and cause."""
    where = f"WHERE reason = {quoted(reason)}" if reason else ""
    columns = "letter_id, source, reason, field, detail"
    with desk(data) as asked:
        found = asked.rows(f"SELECT {columns} FROM dead_letters {where} ORDER BY received_at, letter_id")
    print_found(found, as_json=as_json)


@letters.command("show")
def show_letter(letter_id: str, data: Where = None, as_json: Json = False) -> None:
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
    print_found(found, as_json=as_json)
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
    except (OSError, ValueError, LookupError, RuntimeError, KafkaException) as failure:
        ERR.print(f"[red]yizhan:[/] {failure}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
