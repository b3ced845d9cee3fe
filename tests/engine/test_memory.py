"""A worker gives back what lies free between the values that stay."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from stream_jobs.engine import app as engine
from stream_jobs.engine import running
from stream_jobs.engine.memory import give_back
from tests.engine.job import Job

PIECES, PIECE, STAY_EVERY = 40_000, 3_000, 16
FREED: Final = PIECES * PIECE * (STAY_EVERY - 1) // STAY_EVERY


def resident() -> int:
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) << 12


def test_what_lies_free_between_pieces_that_stay_is_given_back() -> None:
    pieces = [bytes(PIECE) for _ in range(PIECES)]
    stay = pieces[::STAY_EVERY]
    pieces.clear()
    before = resident()
    assert give_back()
    assert before - resident() > FREED // 2
    assert sum(map(len, stay)) == PIECES * PIECE // STAY_EVERY


def test_a_worker_does_so_from_time_to_time(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        given = asyncio.Event()
        monkeypatch.setattr(engine, "GIVE_BACK_SECONDS", 0.05)
        monkeypatch.setattr(engine, "give_back", given.set)
        app, _ = job.app()
        async with running(app), asyncio.timeout(10):
            await given.wait()

    asyncio.run(work())
