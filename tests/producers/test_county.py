"""The whole county: native documents and ScanEvents give the same scans, and as many as the truth says."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from producers.sources import load_sources
from tests.producers.county import CANONICAL, COUNTY, admitted, codes, distinct, documents, per_source, truth

BOTH = pytest.mark.parametrize("path", [COUNTY, CANONICAL], ids=["native", "canonical"])
OWN = {"event_id", "received_at", "retracts"}
"""What differs between a network's document and its ScanEvent: ids are made up, arrivals are each their own."""


def said(scan: dict[str, Any]) -> str:
    """All that a scan says, ids and arrival apart."""
    return json.dumps({n: told for n, told in scan.items() if n not in OWN}, ensure_ascii=False, sort_keys=True)


@BOTH
def test_each_network_has_as_many_distinct_scans_as_the_truth_says(path: Path) -> None:
    """Repeated documents and repeated histories add no scans."""
    assert per_source(distinct(admitted(path).scans)) == truth()["admitted_per_source"]


@BOTH
def test_unknown_codes_are_admitted_as_unmapped(path: Path) -> None:
    """A code that no table has is no reason to refuse a scan."""
    unmapped = [scan for scan in distinct(admitted(path).scans) if scan["activity"] == "UNMAPPED"]
    assert per_source(unmapped) == truth()["unmapped_per_network"]


def test_dead_letters_per_reason_are_those_of_the_truth() -> None:
    """Each broken document is refused once, for the reason that the truth gives."""
    letters = {letter["letter_id"]: letter for letter in admitted(COUNTY).letters}
    found = Counter(letter["reason"] for letter in letters.values())
    assert found == truth()["dead_letters_per_category"]
    assert len(letters) == sum(truth()["dead_letters_per_kind"].values())


def test_canonical_scans_are_all_admitted() -> None:
    """None of the county's ScanEvents is refused, and each gives one scan."""
    assert admitted(CANONICAL).letters == []
    assert admitted(CANONICAL).counts == [(1, 0)] * len(documents(CANONICAL))


def test_native_and_canonical_scans_say_the_same() -> None:
    """The multiset of scans is equal in every field but ids, arrival and the words that show a link."""
    native, canonical = (Counter(map(said, distinct(admitted(path).scans))) for path in (COUNTY, CANONICAL))
    assert native == canonical
    assert native.total() == sum(truth()["admitted_per_source"].values())


def test_native_and_canonical_withdrawals_name_the_same_scans() -> None:
    """What is withdrawn, and by which waybill, is equal however the withdrawal came."""
    native, canonical = (
        {(s["tracking_number"], s["retracts"]) for s in admitted(path).scans if s["retracts"]}
        for path in (COUNTY, CANONICAL)
    )
    assert native == canonical
    assert native


def test_counts_tell_what_became_of_each_document() -> None:
    """The counts add up, and no document vanishes."""
    whole = admitted(COUNTY)
    assert len(whole.counts) == len(documents(COUNTY))
    assert tuple(map(sum, zip(*whole.counts, strict=True))) == (len(whole.scans), len(whole.letters))
    assert min(map(sum, whole.counts)) >= 1


def test_the_code_tables_of_all_folders_are_the_countys_code_table() -> None:
    """Network, raw code and activities, no row more and no row less."""
    tables = [
        (source.network, code, activities[0], activities[1] if len(activities) > 1 else "")
        for source in load_sources().values()
        for code, activities in source.codes.items()
    ]
    assert sorted(tables) == sorted(codes())
