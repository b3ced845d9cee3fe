"""`python -m benchmarks COMMAND`: every measurement that can be asked for by name."""

import typer

from benchmarks.peers.command import Spreading, peers

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="How fast, measured the same way each time.")


@cli.callback()
def _several() -> None:
    """A single command would need no name."""


cli.command("peers", cls=Spreading)(peers)

if __name__ == "__main__":
    cli()
