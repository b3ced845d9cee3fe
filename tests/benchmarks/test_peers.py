"""Peers on a real broker: a short run of those that need nothing from Maven but Kafka itself."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from benchmarks.peers.python_peer import Meter
from benchmarks.peers.roster import BY_NAME
from benchmarks.peers.run import ROOT, Peer, Run, measured
from benchmarks.peers.scenario import Scenario
from benchmarks.peers.small_peer import TABLE, small_app
from benchmarks.peers.states import Lives, OtherState, of_compiled
from benchmarks.topics import ends
from schemas.topics import SCANS
from stream_jobs.engine import running
from tests.benchmarks.test_small_state import lives
from yizhan.servers import Kafka

EVENTS: Final = 4_000
SENT: Final = 4_080
PARCELS: Final = 500
SPECIFIED: Final = {
    "name", "cores", "events_per_s", "cpu_s_per_million", "rss_mb", "changelog_records", "same_states",
}  # fmt: skip
CORE: Final = [max(os.sched_getaffinity(0))]


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    told = [sys.executable, "-m", "benchmarks", "peers", *words]
    return subprocess.run(told, capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_command_measures_compares_and_reports(tmp_path: Path) -> None:
    """Ours, both jobs, Faust as published, and the limit."""
    figures = tmp_path / "peers.json"
    named = ["ours-whole", "ours-small", "faust", "limit-arrow", "limit-raw"]
    told = ["--peers", *named, "--events", str(EVENTS), "--cores", "1", "--runs", "1"]
    ran = command(*told, "--json", str(figures), "--report", str(tmp_path))

    assert ran.returncode == 0, ran.stderr
    rows = json.loads(figures.read_text("utf-8"))
    assert [row["name"] for row in rows] == named
    assert all(set(row) >= SPECIFIED and row["events"] == SENT and row["events_per_s"] > 0 for row in rows)
    assert [row["same_states"] for row in rows] == [True, True, True, None, None]
    assert [row["changelog_records"] for row in rows][2:] == [EVENTS, 0, 0]
    assert all(row["changelog_records"] >= PARCELS for row in rows[:2])
    assert (tmp_path / "peers.html").read_text("utf-8").count("<svg") == 4


@pytest.fixture
def scenario(kafka_server: Kafka) -> Scenario:
    return Scenario(kafka_server.bootstrap, EVENTS)


def with_wrong_life(records: Mapping[bytes, bytes]) -> Lives:
    found = of_compiled(records)
    key = b"sf:SF000000000123"
    return found | {key: found[key][:-1] + bytes([found[key][-1] ^ 1])}


def test_a_peer_with_one_wrong_life_fails_the_run(scenario: Scenario) -> None:
    """One bit of one id of one parcel."""
    wrong = replace(BY_NAME["ours-small"], lives=with_wrong_life)
    scenario.load([wrong])
    with pytest.raises(OtherState, match="ours-small: 1 keys end in another state, the first is sf:SF000000000123"):
        scenario.once(wrong, CORE)


def test_our_small_job_stands_up_again_from_its_changelog(kafka_server: Kafka, tmp_path: Path) -> None:
    """A worker that comes after the first reads no scan again and has every life."""
    peer, scenario = BY_NAME["ours-small"], Scenario(kafka_server.bootstrap, EVENTS)
    scenario.load([peer])
    given = scenario.input(peer)
    run = Run(kafka_server.bootstrap, given.topic, given.ends, CORE, "peers-again", tmp_path)
    measured(peer, run)
    assert sum(ends(kafka_server.bootstrap, SCANS["CARRIER"].name)) == SENT

    async def come_back() -> tuple[int, Lives]:
        meter = Meter(0)
        app, table = small_app(run.name, run.brokers, meter)
        async with running(app):
            found: Lives = {}
            for state in table.store.data.values():
                found |= lives(state)  # type: ignore[arg-type]  # the table's own
            return meter.seen, found

    assert asyncio.run(come_back()) == (0, given.expected)
    assert table_name(peer, run) == f"{run.name}-{TABLE}-changelog"


def table_name(peer: Peer, run: Run) -> str:
    assert peer.changelog
    return peer.changelog(run)


def test_what_cannot_be_run_is_said() -> None:
    unknown = command("--peers", "storm")
    assert unknown.returncode == 2
    assert "storm" in unknown.stderr
    many = command("--cores", "4096")
    assert many.returncode == 2
    assert "this machine has" in many.stderr
