"""`kill -9` of the whole stack in mid-import, again and again."""

import random
import time
from pathlib import Path
from typing import Final

from tests.chain import running

KILLS: Final = 10
SMALL_WAVES: Final = {"YIZHAN_WAVE_BYTES": "40000"}
"""So that an import takes long enough to be hit."""
PATIENCE: Final = 60.0


def test_killed_at_ten_moments_the_same_command_ends_with_the_same_answers(tmp_path: Path) -> None:
    """Nothing is lost, nothing counted twice, whenever the process dies."""
    data = tmp_path / "data"
    moments = random.Random(11)
    hit = [_killed(data, moments.uniform(0.0, 3.0)) for _ in range(KILLS)]
    found = running.up(data, running.COUNTY)

    assert all(hit), "each run must have been in mid-import when it was killed"
    assert running.parcels(data) == running.expected()
    assert found["accepted"] == found["stored"] + found["dead_lettered"]
    assert found["missing"] == 0
    assert (found["stored"], found["dead_lettered"]) == (3265, 22)


def _killed(data: Path, after: float) -> bool:
    """Start, wait until documents are being taken in, kill some time later; says whether it was still at work."""
    process = running.start("up", running.COUNTY, "--data", data, "--as-of", running.AS_OF, **SMALL_WAVES)
    assert process.stderr is not None
    assert process.stdout is not None
    begun = process.stderr.readline()
    assert "taking in" in begun
    time.sleep(after)
    process.kill()
    printed = process.stdout.read()
    process.wait(timeout=PATIENCE)
    process.stdout.close()
    process.stderr.close()
    return "accepted" not in printed
