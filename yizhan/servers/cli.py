"""`yizhan servers`: Kafka, registry, ClickHouse, Prometheus and Alertmanager on this machine, without containers."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.status import Status

from yizhan.printing import ERR, OUT, print_json, print_rows
from yizhan.servers.fetch import LOG
from yizhan.servers.stack import NAMES, Stack

servers = typer.Typer(no_args_is_help=True, help="Real servers on this machine, for trying and testing.")

Dir = Annotated[Path, typer.Option("--dir", help="Folder of the servers: data, logs, passwords.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
HERE: Final = Path("yizhan-servers")


@servers.command()
def up(
    *,
    folder: Dir = HERE,
    secure: Annotated[
        bool | None, typer.Option("--secure/--plain", help="TLS and passwords, Kafka with ACLs; plain if not said.")
    ] = None,
    brokers: Annotated[
        int | None, typer.Option(help="1, or 3 with three copies of each record; 1 if not said.")
    ] = None,
    only: Annotated[str, typer.Option(help=f"Some of: {','.join(NAMES)}.")] = ",".join(NAMES),
    as_json: Json = False,
) -> None:
    """Start servers and leave them running; what is missing is fetched, once."""
    names = _names(only)
    stack = Stack.made(folder, secure=secure, brokers=brokers)
    with _progress() as say:
        stack.up(names, say)
    rows = stack.status()
    if as_json:
        files = {what: str(path) for what, path in stack.secrets().items()}
        print_json({"servers": rows, "env": str(stack.env_file), "files": files})
        return
    print_rows(rows)
    for what, path in stack.secrets().items():
        OUT.print(f"{what}: {path}", soft_wrap=True, highlight=False)
    OUT.print(f"settings: set -a; . {stack.env_file}; set +a", soft_wrap=True, highlight=False)
    OUT.print(f"stop: yizhan servers down --dir {folder}", soft_wrap=True, highlight=False)


@servers.command()
def down(*, folder: Dir = HERE, as_json: Json = False) -> None:
    """Stop all servers of the folder; data and passwords stay."""
    stack = Stack.found(folder)
    with _progress() as say:
        say("stopping")
        stack.down()
    _show(stack, as_json=as_json)


@servers.command()
def status(*, folder: Dir = HERE, as_json: Json = False) -> None:
    """Say which servers run and answer; exits 1 if one does not."""
    if not all(row["answers"] for row in _show(Stack.found(folder), as_json=as_json)):
        raise typer.Exit(1)


def _show(stack: Stack, *, as_json: bool) -> list[dict[str, Any]]:
    rows = stack.status()
    (print_json if as_json else print_rows)(rows)
    return rows


def _names(only: str) -> list[str]:
    asked = {name.strip() for name in only.split(",")}
    if unknown := asked - set(NAMES):
        raise typer.BadParameter(f"--only knows {', '.join(NAMES)}, not {', '.join(sorted(unknown))}")
    return [name for name in NAMES if name in asked]


@contextmanager
def _progress() -> Iterator["_Say"]:
    """A line on standard error that says what is done now, downloads too."""
    with ERR.status("looking") as line:
        say = _Say(line)
        LOG.setLevel(logging.INFO)
        LOG.addHandler(say)
        try:
            yield say
        finally:
            LOG.removeHandler(say)


class _Say(logging.Handler):
    def __init__(self, line: Status) -> None:
        super().__init__()
        self._line = line

    def __call__(self, text: str) -> None:
        self._line.update(text)

    def emit(self, record: logging.LogRecord) -> None:
        # A line of its own: it stays, and is seen where there is no terminal.
        ERR.print(record.getMessage(), soft_wrap=True, highlight=False)
        self._line.update(record.getMessage())
