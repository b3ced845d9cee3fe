"""`python -m tests.alerts --parcels 20000 --kills 10 --seed 7 --json FILE`: a simulated fortnight, and its account."""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.alerts import rounds
from tests.alerts.fortnight import END, Fortnight, kills
from yizhan.printing import ERR


def positive(text: str) -> int:
    """A number of parcels."""
    if (found := int(text)) < 1:
        raise ValueError(text)
    return found


def main() -> int:
    """Run one fortnight; 1 if the account does not come out."""
    words = argparse.ArgumentParser(prog="python -m tests.alerts", description=__doc__)
    words.add_argument("--parcels", type=positive, default=20_000)
    words.add_argument("--kills", type=int, default=10, help="moments of death of promises, of the courier every other")
    words.add_argument("--seed", type=int, default=7)
    words.add_argument("--json", type=Path)
    words.add_argument("--folder", type=Path, help="keep servers' and roles' files and logs here")
    asked = words.parse_args()
    ways = rounds.ways(asked.parcels, asked.seed)
    due = [notice for way in ways for notice in rounds.notices(way, END)]
    if asked.kills > (most := len({notice.at for notice in due})):
        words.error(
            f"--kills {asked.kills}: something is due at {most} instants, and at each there is one death at most"
        )
    deaths = kills(due, asked.kills, asked.seed)
    columns = TextColumn("instants"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with tempfile.TemporaryDirectory() as scratch, Progress(*columns, console=ERR) as bar:
        task = bar.add_task("instants", total=None)

        def told_of(done: int, whole: int) -> None:
            bar.update(task, completed=done, total=whole)

        verdict = Fortnight(asked.folder or Path(scratch), ways, deaths, progress=told_of).run()
    text = json.dumps(asdict(verdict) | {"exact": verdict.exact, "seed": asked.seed})
    if asked.json is not None:
        asked.json.write_text(text, "utf-8")
    sys.stdout.write(text + "\n")
    replay = f"again: python -m tests.alerts --parcels {asked.parcels} --kills {asked.kills} --seed {asked.seed}"
    ERR.print(replay, highlight=False)
    return 0 if verdict.exact else 1


if __name__ == "__main__":
    sys.exit(main())
