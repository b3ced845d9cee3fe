"""Samples of every source beside the ScanEvents they must give."""

import json
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import orjson
import pytest

from producers.admission import Admitted, Document
from producers.files import CANONICAL
from producers.sources import load_sources
from schemas.records import SCAN_EVENT
from tests.producers.county import RECEIVED_AT, Scan, admission

YEAR_2020 = 1_577_836_800_000
EXPECTED = ".expected.json"


def samples() -> dict[str, Traversable]:
    """Payload files by `folder/name`."""
    found: dict[str, Traversable] = {}
    for source in load_sources().values():
        folder = resources.files("producers.sources").joinpath(source.folder, "samples")
        names = {f.name: f for f in folder.iterdir()} if folder.is_dir() else {}
        stems = sorted(name.removesuffix(EXPECTED) for name in names if name.endswith(EXPECTED))
        found |= {f"{source.folder}/{stem}": names[f"{stem}.json"] for stem in stems}
    return found


SAMPLES = samples()


def given(name: str) -> Admitted:
    """What admission makes of a sample."""
    [source] = [s for s in load_sources().values() if s.folder == name.partition("/")[0]]
    payload = SAMPLES[name].read_bytes().removesuffix(b"\n")
    network = orjson.loads(payload)["source"] if source.network == CANONICAL else source.network
    return admission().admit([Document(network, source.network, payload, RECEIVED_AT)])


def expected(name: str) -> list[dict[str, Any]]:
    """What it must make of it."""
    folder, file = name.split("/")
    beside = resources.files("producers.sources").joinpath(folder, "samples", file + EXPECTED)
    scans: list[dict[str, Any]] = json.loads(beside.read_text("utf-8"))
    return scans


def scans_of(folder: str) -> list[Scan]:
    """The scans of all samples of a folder."""
    return [scan for name in SAMPLES if name.startswith(f"{folder}/") for scan in given(name).scans]


def test_every_source_has_samples() -> None:
    """A folder of sources comes with at least two documents; eight folders are there."""
    folders = [name.split("/")[0] for name in SAMPLES]
    wanted = [source.folder for source in load_sources().values()]
    assert len(wanted) >= 8
    assert [folder for folder in wanted if folders.count(folder) < 2] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_gives_the_scans_beside_it(name: str) -> None:
    """All fields of all scans, in order, and no dead letter."""
    assert given(name).letters == []
    assert given(name).scans == expected(name)


@pytest.mark.parametrize("name", SAMPLES)
def test_scans_have_the_fields_of_the_schema_and_times_that_can_be(name: str) -> None:
    """Exactly the fields of scan_event.avsc, ids that differ, times from 2020 to receipt."""
    scans = given(name).scans
    assert [set(scan) for scan in scans] == [set(SCAN_EVENT.fields)] * len(scans)
    assert len({scan["event_id"] for scan in scans}) == len(scans) > 0
    assert all(YEAR_2020 <= scan["occurred_at"] <= scan["received_at"] == RECEIVED_AT for scan in scans)


@pytest.mark.parametrize(
    ("folder", "relations"),
    [
        ("sf", {"HANDED_OVER", "RELABELLED"}),
        ("yunda", {"HANDED_OVER"}),
        ("county_joint", {"HANDED_OVER", "IN_CONTAINER"}),
    ],
)
def test_samples_show_every_relation_that_a_network_tells(folder: str, relations: set[str]) -> None:
    """Links are what mappings most easily lose."""
    assert {scan["link"]["relation"] for scan in scans_of(folder) if scan["link"]} >= relations


def test_samples_show_a_withdrawal_a_signature_and_a_combined_scan() -> None:
    """The hand scanner's own ways of saying things are among its samples."""
    scans = scans_of("county_joint")
    assert any(scan["retracts"] for scan in scans)
    assert any(scan["raw_code"].startswith("QS:") for scan in scans)
    assert any(scan["event_id"].endswith(".2") for scan in scans)
