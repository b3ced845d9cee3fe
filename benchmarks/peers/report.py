"""What is made of the figures: a page with plots that needs no network, and the table of docs/performance.md."""

import html
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.life import MILESTONES
from benchmarks.peers.machine import LOAD

Rows = Sequence[Mapping[str, Any]]
BEGIN: Final = "<!-- peers: written by `python -m benchmarks peers --docs`, do not edit -->"
END: Final = "<!-- /peers -->"
HEADS: Final = ("", "cores", "scans/s", "CPU s per million", "peak MB", "changelog records", "scans", "same states", "")
PLOTS: Final = (
    ("events_per_s", "Scans a second", "{:,.0f}"),
    ("cpu_s_per_million", "Seconds of CPU for a million scans", "{:,.1f}"),
    ("rss_mb", "Peak memory, MB", "{:,.0f}"),
    ("changelog_records", "Changelog records written", "{:,.0f}"),
)
BUSY: Final = "The machine had more to do than cores: compare seconds of CPU, scans/s say nothing."
METHOD: Final = f"""
Each parcel has {len(MILESTONES)} scans, one for each milestone; 2 % of the scans come twice; scans of many parcels are
mixed and out of order. Four partitions, one broker on the same machine that may use every core.

Each peer is a process of its own on its cores (taskset). The clocks start after a tenth of its scans (warm-up: Java's
compilers, our loops from their cache) and stop when all is flushed and committed; starting up is not counted. CPU is
the process's, all threads. Medians over the runs.

The job: the first (time, facility) of each milestone, the latest scan, the distinct ids, kept where a restart finds it.
The final state of each is compared, key by key, with what plain Python makes of the same scans.

Rows with other numbers of changelog records did other amounts of output: some write each change, some one for each
parcel of a batch or of a commit.
"""
STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#222}table{border-collapse:"
    "collapse;font-size:14px}td,th{padding:.3rem .6rem;border-bottom:1px solid #ddd;text-align:right}"
    "td:first-child,td:last-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}"
)


class NoMarks(ValueError):
    """The document has no place for the table."""


def cells(rows: Rows) -> Iterator[tuple[str, ...]]:
    """The table's lines."""
    for row in rows:
        same = {True: "yes", False: "NO", None: "no state"}[row["same_states"]]
        yield (
            row["title"],
            str(row["cores"]),
            f"{row['events_per_s']:,.0f}",
            f"{row['cpu_s_per_million']:.2f}",
            f"{row['rss_mb']:,.0f}",
            f"{row['changelog_records']:,.0f}",
            f"{row['events']:,}",
            same,
            row["note"],
        )


def described(rows: Rows) -> str:
    """The machine in a line."""
    about = dict(rows[0]["machine"])
    busy = float(about[LOAD].split()[0]) > int(about["cores"])
    return "; ".join(f"{name} {value}" for name, value in about.items()) + (f". {BUSY}" if busy else ".")


def markdown(rows: Rows) -> str:
    """The table with what it stands on."""
    lines = [HEADS, ["---"] * len(HEADS), *cells(rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    runs = min(row["runs"] for row in rows)
    return f"{table}\n\nMedians of {runs} run(s). Machine: {described(rows)}\n"


def put_into(document: Path, rows: Rows) -> None:
    """Replace the table between its marks; `NoMarks`."""
    text = document.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoMarks(f"{document} has no lines {BEGIN} and {END}; put them where the table belongs")
    document.write_text(f"{before}{BEGIN}\n\n{markdown(rows)}\n{END}{after}", "utf-8")


def page(rows: Rows) -> str:
    """The report as one HTML file."""
    plots = "".join(f"<h2>{html.escape(title)}</h2>{plot(rows, name, form)}" for name, title, form in PLOTS)
    method = "".join(f"<p>{html.escape(text)}</p>" for text in METHOD.strip().split("\n\n"))
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in cells(rows))
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Peers</title><style>{STYLE}</style></head>'
        f"<body><h1>Side by side</h1><p>{html.escape(described(rows))}</p>{plots}<h2>All figures</h2>"
        f"<table><tr>{heads}</tr>{lines}</table><h2>How it was measured</h2>{method}</body></html>"
    )


def plot(rows: Rows, name: str, form: str) -> str:
    """Bars of one figure, a peer a line, a colour for each number of cores: SVG."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # an extra; only the report needs it

    shown = [row for row in rows if row[name]]
    titles = list(dict.fromkeys(row["title"] for row in shown))
    counts = sorted({row["cores"] for row in shown})
    figure = Figure(figsize=(9, 1 + 0.3 * len(titles) * max(len(counts), 1)), layout="constrained")
    axes, thick = figure.subplots(), 0.8 / max(len(counts), 1)
    for number, (cores, some) in enumerate(groupby(sorted(shown, key=_cores), key=_cores)):
        found = list(some)
        at = [titles.index(row["title"]) + number * thick for row in found]
        bars = axes.barh(at, [row[name] for row in found], thick, label=f"{cores} core(s)")
        axes.bar_label(bars, [form.format(row[name]) for row in found], padding=3, fontsize=8)
    axes.set_yticks([at + thick * (len(counts) - 1) / 2 for at in range(len(titles))], titles)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    if counts:
        figure.legend(loc="outside upper right", ncols=len(counts))
    into = io.StringIO()
    figure.savefig(into, format="svg")
    return into.getvalue()[into.getvalue().index("<svg") :]


def _cores(row: Mapping[str, Any]) -> int:
    return int(row["cores"])
