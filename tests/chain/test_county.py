"""The county through the whole chain: files, Kafka, Faust, ClickHouse."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chain import running


def test_native_files_give_the_county_s_answers_and_an_exact_account(tmp_path: Path) -> None:
    """Every parcel equals truth.json in every field, every count of the account equals its totals."""
    found = running.up(tmp_path / "data", running.COUNTY)
    totals = running.truth()["totals"]

    assert running.parcels(tmp_path / "data") == running.expected()
    assert found["accepted"] == found["stored"] + found["dead_lettered"] + found["refused"]
    assert found["missing"] == 0
    assert found["scans_by_source"] == totals["admitted_per_source"]
    assert found["unmapped_by_network"] == totals["unmapped_per_network"]
    assert found["dead_letters_by_reason"] == totals["dead_letters_per_category"]
    assert found["parcels_by_status"] == totals["status"]


ORDERS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "arrival": lambda lines: lines,
    "reversed": lambda lines: lines[::-1],
    "shuffled": lambda lines: random.Random(5).sample(lines, len(lines)),
    "each twice": lambda lines: [line for line in lines for _ in range(2)],
}


@pytest.mark.parametrize("order", ORDERS)
def test_canonical_scans_in_any_order_give_the_same_answers(order: str, tmp_path: Path) -> None:
    """Order and repetition change nothing, through Kafka and Faust."""
    folder = running.folder(tmp_path / "in", ORDERS[order](running.canonical_lines()))
    found = running.up(tmp_path / "data", folder)

    assert running.parcels(tmp_path / "data") == running.expected()
    assert (found["stored"], found["dead_lettered"], found["missing"]) == (3265, 0, 0)


def test_a_second_start_derives_the_same_from_what_is_stored(tmp_path: Path) -> None:
    """Half now, half in a later run, nothing in a third: the state comes back from ClickHouse."""
    lines = running.canonical_lines()
    first = running.folder(tmp_path / "first", lines[::2])
    second = running.folder(tmp_path / "second", lines[1::2])
    running.up(tmp_path / "data", first)
    running.up(tmp_path / "data", second)
    running.up(tmp_path / "data")

    assert running.parcels(tmp_path / "data") == running.expected()
