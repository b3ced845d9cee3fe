"""The county seen at other instants than its truth's: what was received by then, judged by the clock of then."""

from datetime import datetime

import pytest

from stream_jobs.lifecycle.output import Names
from stream_jobs.lifecycle.targets import plan
from stream_jobs.timeline.hashing import hash_words
from tests.core.oracle import parcels
from tests.core.oracle_stages import Standard
from tests.core.plain_hash import identity
from tests.core.samples import REFERENCE, SCANS, TRUTH
from tests.core.world import Setting, run

TARGETS = {(t.stage, t.service, t.area_class): t.target for t in REFERENCE.targets}
SETTING = plan(REFERENCE), Names(hash_words(REFERENCE.networks))
INSTANTS = (
    "2026-03-03T20:00:00",
    "2026-03-06T08:00:01",
    "2026-03-09T20:00:00",
    "2026-03-12T12:34:56",
    "2026-03-14T23:59:59",
)


def instant(text: str) -> int:
    """County time."""
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


@pytest.mark.parametrize("text", INSTANTS)
def test_stages_and_verdicts_equal_the_brute_force_of_that_instant(text: str) -> None:
    """All parcels known by then, all fields; running stages of every verdict are among them."""
    now = instant(text)
    known = [dict(scan) for scan in SCANS if scan["received_at"] <= now]
    expected = parcels(known, Standard(TARGETS, REFERENCE.area_class_of(), now, TRUTH["risk_share"]), identity)

    assert run(known, Setting(*SETTING, now)) == expected
    assert len(expected) >= 20
    seen = {stage.get("verdict") for parcel in expected for stage in parcel["stages"].values()}
    assert seen >= {"MET", "RUNNING"}


def test_the_instants_show_every_verdict() -> None:
    """Between them nothing is left out."""
    seen = set()
    for text in INSTANTS:
        known = [scan for scan in SCANS if scan["received_at"] <= instant(text)]
        found = run(known, Setting(*SETTING, instant(text)))
        seen |= {stage.get("verdict") for parcel in found for stage in parcel["stages"].values()}
    assert seen >= {"MET", "MISSED", "RUNNING", "AT_RISK", "OVERDUE"}
