"""`python -m benchmarks peers`: measure, compare, report."""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from typer.core import TyperCommand

from benchmarks.peers import report
from benchmarks.peers.roster import BY_NAME, PEERS
from benchmarks.peers.run import Peer, RunFailed
from benchmarks.peers.scenario import Say, Scenario
from benchmarks.peers.states import OtherState
from yizhan.printing import ERR, print_rows
from yizhan.servers import Kafka
from yizhan.servers.fetch import Missing

SHOWN: Final = ("name", "cores", "events_per_s", "cpu_s_per_million", "rss_mb", "changelog_records", "same_states")
PAGE: Final = "peers.html"
Rows = list[dict[str, Any]]


def spread(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """`--cores 1 2` as `--cores 1 --cores 2`."""
    found: list[str] = []
    current = ""
    for word in words:
        if word.startswith("-"):
            current = word if word in options else ""
            found += [] if current else [word]
        else:
            found += [current, word] if current else [word]
    return found


class Spreading(TyperCommand):
    """A command whose `--peers` and `--cores` take several words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  # Typer has a click of its own
        """Typer's own, of one word each."""
        return super().parse_args(ctx, spread(args, ("--peers", "--cores")))


def peers(  # noqa: PLR0913  # the options of the command line
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    report_dir: Annotated[
        Path | None, typer.Option("--report", help="Write a page with plots into this folder.")
    ] = None,
    docs: Annotated[Path | None, typer.Option(help="Refresh the table in this document, docs/performance.md.")] = None,
    named: Annotated[list[str] | None, typer.Option("--peers", help=f"Some of: {', '.join(BY_NAME)}.")] = None,
    cores: Annotated[
        list[int] | None, typer.Option("--cores", min=1, help="How many each gets; 1 2 if not said.")
    ] = None,
    events: Annotated[int, typer.Option(min=80, help="Distinct scans; 2 % come twice.")] = 2_000_000,
    runs: Annotated[int, typer.Option(min=1, help="Of which the medians are taken.")] = 3,
    told: Annotated[
        Path | None, typer.Option("--from", exists=True, help="Run nothing: figures of an earlier --json.")
    ] = None,
) -> None:
    """Run our job and its peers side by side on real Kafka; a final state that differs fails the run."""
    if report_dir and find_spec("matplotlib") is None:
        raise typer.BadParameter("--report needs matplotlib: pip install -e '.[benchmarks]'")
    try:
        rows = (
            json.loads(told.read_text("utf-8")) if told else _run(_chosen(named), _sets(cores or [1, 2]), events, runs)
        )
        _write(rows, json_file, report_dir, docs)
    except (RunFailed, OtherState, Missing, report.NoMarks) as fault:
        ERR.print(str(fault), style="red", soft_wrap=True, highlight=False, markup=False)
        raise typer.Exit(1) from fault
    print_rows([{name: row[name] for name in SHOWN} for row in rows])


def _chosen(named: Sequence[str] | None) -> list[Peer]:
    if unknown := set(named or ()) - set(BY_NAME):
        raise typer.BadParameter(f"--peers knows {', '.join(BY_NAME)}, not {', '.join(sorted(unknown))}")
    return [peer for peer in PEERS if not named or peer.name in named]


def _sets(counts: Sequence[int]) -> list[list[int]]:
    """The last cores: the first ones have the machine's own work."""
    here = sorted(os.sched_getaffinity(0))
    if max(counts) > len(here):
        raise typer.BadParameter(f"--cores {max(counts)}: this machine has {len(here)}")
    return [here[-count:] for count in dict.fromkeys(counts)]


def _run(chosen: Sequence[Peer], cores: Sequence[Sequence[int]], events: int, runs: int) -> Rows:
    with tempfile.TemporaryDirectory() as folder, _progress(len(chosen) * len(cores) * runs) as say:
        say("starting Kafka")
        with Kafka(Path(folder)) as kafka:
            scenario = Scenario(kafka.bootstrap, events, say)
            scenario.load(chosen)
            return list(scenario.rounds(chosen, cores, runs))


@contextmanager
def _progress(total: int) -> Iterator[Say]:
    """A bar over the runs; each thing said is shown, and a run counts once its figures are said."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=ERR) as shown:
        task = shown.add_task("", total=total)

        def say(text: str) -> None:
            done = text.startswith(" ")
            shown.update(task, description=None if done else text, advance=1 if done else 0)
            shown.console.print(text, highlight=False)

        yield say


def _write(rows: Rows, json_file: Path | None, report_dir: Path | None, docs: Path | None) -> None:
    if json_file:
        json_file.write_text(json.dumps(rows, indent=1), "utf-8")
    if report_dir:
        report_dir.mkdir(parents=True, exist_ok=True)
        (report_dir / PAGE).write_text(report.page(rows), "utf-8")
    if docs:
        report.put_into(docs, rows)
