"""`yizhan sla`: check, load, recompute and show what is promised. `yizhan/cli.py` mounts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from schemas import editions as history
from schemas.reference import FILES, Reference, load
from schemas.targets import EVER, Edition
from sinks.clickhouse.store import StoreError
from yizhan.cluster.clients import librdkafka, store
from yizhan.cluster.roles import reference_of, spoken
from yizhan.cluster.settings import configured, read_settings
from yizhan.desk import HERE
from yizhan.embedded.run import REFERENCE
from yizhan.printing import OUT, print_json, print_rows
from yizhan.sla.book import Book, FileBook, TopicBook, now, recorded, user

COUNTY: Final = ZoneInfo("Asia/Shanghai")
PROMISES: Final = tuple(name for name in FILES if name not in {"networks.csv", "facilities.csv"})

IN_A_CLUSTER: Final = (
    "workers that run hear of it within seconds. Every parcel with a stage begun since then is judged anew, delivered "
    "ones and such as have left the state, too, a few thousand at a time between scans; all is done when "
    "yizhan_numbers_to_review of every worker is 0. For ClickHouse's own list of targets: yizhan reference load"
)

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help=f"Folder with {', '.join(PROMISES)}.")]
Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of the embedded stack; without it the cluster, if one is set up.")
]
By = Annotated[str | None, typer.Option("--by", help="Who puts it in force; else the user of this machine.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

sla = typer.Typer(no_args_is_help=True, help="What is promised: check, load, recompute and show targets.")


def mount(cli: typer.Typer) -> None:
    """Add the commands."""
    cli.add_typer(sla, name="sla")


@sla.command()
def check(folder: Folder, as_json: Json = False) -> None:
    """Read the files of FOLDER; a wrong line is refused with file, number and cause. Nothing is loaded."""
    _print(_counts(load(folder)), as_json=as_json)


@sla.command("load")
def load_files(folder: Folder, data: Data = None, by: By = None, as_json: Json = False) -> None:
    """Put the files of FOLDER in force for stages that begin from now on; past verdicts keep their targets."""
    load(folder)  # refused before it replaces a good one
    book = _book(data)
    before = book.known()
    with _laid_over(data, folder) as whole:
        found = recorded(book, load(whole), by)
    if found.editions == before:
        OUT.print("in force already; nothing to record", highlight=False)
        return
    _told(history.last(found.editions), data, as_json=as_json)


@sla.command()
def recompute(
    since: Annotated[str, typer.Option("--from", help="Day of the county: 2026-03-01.")],
    data: Data = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Judge stages begun on that day or later by the targets in force now; it stays on record.

    An embedded stack judges all its parcels anew at its next start. A cluster's workers hear of it within seconds and
    judge anew all parcels with a stage begun since then, those that have left the state out of ClickHouse.
    """
    book = _book(data)
    start = int(_day(since).timestamp() * 1000)
    edition = history.recompute(book.known(), start, now(), by or user())
    book.add(edition)
    _told(edition, data, as_json=as_json)


@sla.command()
def show(data: Data = None, as_json: Json = False) -> None:
    """List who put which targets in force, when, and for stages begun from when on."""
    rows = [_row(edition) for edition in _book(data).known()]
    (print_json if as_json else print_rows)(rows)


def _book(data: Path | None) -> Book:
    if not _of_cluster(data):
        return FileBook(_kept(data))
    settings = read_settings()
    return TopicBook(librdkafka(settings), spoken(settings).targets)


def _of_cluster(data: Path | None) -> bool:
    return data is None and configured()


@contextmanager
def _laid_over(data: Path | None, folder: Path) -> Iterator[Path]:
    """Files of `folder` over those there are: an embedded stack keeps them, a cluster's own are left alone."""
    if not _of_cluster(data):
        _copy(folder, _kept(data))
        yield _kept(data)
        return
    settings = read_settings()
    reference_of(settings)  # BadSettings where there is none
    with TemporaryDirectory() as draft:
        for files in (settings.reference, folder):
            _copy(files, Path(draft))
        yield Path(draft)


def _copy(folder: Path, into: Path) -> None:
    for name in PROMISES:
        if (folder / name).exists():
            copyfile(folder / name, into / name)


def _kept(data: Path | None) -> Path:
    kept = (data or HERE) / REFERENCE
    if not kept.exists():
        raise LookupError(f"no stack ever ran on {kept.parent}; start one: yizhan up FOLDER --data {kept.parent}")
    return kept


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=COUNTY)
    except ValueError as cause:
        raise ValueError(f"--from {text!r} is no day; write it like 2026-03-01") from cause


def _counts(found: Reference) -> dict[str, int]:
    return {name.removesuffix(".csv"): len(getattr(found, name.removesuffix(".csv"))) for name in PROMISES}


def _row(edition: Edition) -> dict[str, Any]:
    return {
        "since": "ever" if edition.since == EVER else _instant(edition.since),
        "recorded at (UTC)": _instant(edition.recorded_at),
        "by": edition.recorded_by,
        "reason": edition.reason,
        "targets": len(edition.targets),
        "holidays": len(edition.holidays),
    }


def _instant(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _told(edition: Edition, data: Path | None, *, as_json: bool) -> None:
    row, effect = _row(edition), f"it counts from the next start: yizhan up --data {data or HERE}"
    if _of_cluster(data):
        effect, parcels = IN_A_CLUSTER, _concerned(edition.since)
        row |= {} if parcels is None else {"parcels": parcels}
    _print(row | ({"takes effect": effect} if as_json else {}), as_json=as_json)
    if not as_json:
        OUT.print(f"recorded; {effect}", highlight=False, soft_wrap=True)


def _concerned(since: int) -> int | None:
    """How many parcels of the cluster have a stage begun at that instant (epoch ms) or later, if ClickHouse tells."""
    settings = read_settings()
    if not settings.clickhouse_host:
        return None
    asked = f"SELECT count() AS n FROM current_parcels WHERE arrayExists(at -> at >= {since}, stages.started_at)"
    try:
        with store(settings) as kept:
            return int(kept.query(asked)["n"][0].as_py())
    except StoreError:  # what was recorded holds, whoever is down
        return None


def _print(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(row)
    else:
        print_rows([row])
