"""Each path's benchmark runs on a small number, and says what its page says of it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import admission, capacity, chain, growth, queries, writer
from benchmarks.job_process import SOURCE, spoken
from benchmarks.stream import COUNTY, stream
from producers.fields import Bounds
from producers.whole import WholeReader
from schemas import reference
from schemas.topics import LIFECYCLE, SCANS


@pytest.fixture(autouse=True)
def _cores() -> Iterator[None]:
    """A benchmark keeps its process to one core; the tests after it have all again."""
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def told(path: Path) -> Any:  # noqa: ANN401  # what a benchmark writes
    return json.loads(path.read_text("utf-8"))


def test_the_writer_stores_what_it_is_given_and_says_what_a_row_costs(tmp_path: Path) -> None:
    writer.main(["--events", "3000", "--json", str(tmp_path / "writer.json")])
    topics = told(tmp_path / "writer.json")["topics"]
    scans, parcels = topics[SCANS["CARRIER"].name], topics[LIFECYCLE.name]
    assert scans["rows"] >= scans["found"] > 2500
    assert parcels["rows"] >= parcels["found"] > 100
    for one in (scans, parcels):
        assert one["cpu_us"] > 0
        assert one["message_bytes"] > one["bytes_on_disk"] > 0


def test_admission_is_measured_in_every_format_and_refuses_no_scan_of_ours(tmp_path: Path) -> None:
    admission.main(["--events", "2000", "--json", str(tmp_path / "admission.json")])
    found = told(tmp_path / "admission.json")
    assert {"avro", "json", "sf", "china-post", "kuaidi100"} <= set(found)
    assert (found["avro"]["scans"], found["json"]["scans"]) == (2000, 200)
    assert all(one["scans_per_s"] > 0 for one in found.values())


def test_what_publishers_of_the_benchmark_send_goes_through_as_columns() -> None:
    """Else the chain would measure the careful reader."""
    codec = spoken().scans[SOURCE]
    values = codec.encode_arrow(chain.sf_alone(stream(2000, "plain")))
    many = len(values)
    received_at = np.full(many, admission.RECEIVED_AT)
    taken = WholeReader(reference.load(COUNTY), Bounds()).read(values, received_at, "sf", codec)
    assert taken.rows.num_rows > 0.95 * many
    assert not taken.refused


def test_questions_are_asked_of_stored_parcels(tmp_path: Path) -> None:
    queries.main(["--parcels", "300", "--times", "2", "--json", str(tmp_path / "queries.json")])
    found = told(tmp_path / "queries.json")
    assert found.pop("parcels") >= 300
    assert {name.split()[0] for name in found} == {"track", "late", "figures"}
    assert all(one["p99_ms"] >= one["p50_ms"] > 0 for one in found.values())


def test_growth_varies_one_thing_at_a_time() -> None:
    assert growth.runs([3, 1, 5], [0, 20], [10, 50]) == [
        (3, 0, 10), (1, 0, 10), (5, 0, 10), (3, 20, 10), (3, 0, 50),
    ]  # fmt: skip


def test_growth_tells_of_linked_parcels(tmp_path: Path) -> None:
    words = ["--parcels", "500", "--linked", "20", "--batch", "100", "--json", str(tmp_path / "growth.json")]
    growth.main(words)
    [found] = told(tmp_path / "growth.json")
    assert (found["parcels"], found["linked"], found["batch"]) == (500, 20, 100)
    assert found["us"] > 0


FILES = {
    "chain": {"cpu_us": dict.fromkeys(capacity.STAGES, 5.0), "cpu_us_in_all": 20.0},
    "growth": [
        {"parcels": 1000, "linked": 0, "bytes_per_parcel": 900},
        {"parcels": 9000, "linked": 0, "bytes_per_parcel": 600},
        {"parcels": 9000, "linked": 20, "bytes_per_parcel": 990},
    ],
    "writer": {
        "topics": {
            SCANS["CARRIER"].name: {"message_bytes": 150, "bytes_on_disk": 50},
            LIFECYCLE.name: {"message_bytes": 800, "bytes_on_disk": 400},
        }
    },
}


def written(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / f"{name}.json").write_text(json.dumps(FILES[name]), "utf-8")
    return [str(folder / f"{name}.json") for name in names]


def test_capacity_is_computed_from_the_figures_and_written_into_its_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{capacity.BEGIN}\nold\n{capacity.END}\nafter\n", "utf-8")
    words = [*written(tmp_path, "writer", "growth", "chain"), "--write", str(page), "--json", str(tmp_path / "c.json")]
    capacity.main(words)
    capacity.main(words)  # again: to the same page
    text = page.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    county, _, country = told(tmp_path / "c.json")
    assert country["cores worker"] == 4  # 400,000 a second at 5 us, half busy
    assert county["cores worker"] == 1
    assert country["states GiB"] == f"{80_000 * 86_400 * 7 / 8 * 600 * 2 / (1 << 30):,.1f}"
    assert "| cores worker | 1 | 1 | 4 |" in text


@pytest.mark.parametrize("left_out", list(FILES))
def test_a_figure_that_is_missing_says_which_benchmark_to_run(
    left_out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        capacity.main(written(tmp_path, *(name for name in FILES if name != left_out)))
    assert ended.value.code != 0
    assert f"python -m benchmarks.{left_out}" in capsys.readouterr().err


def test_the_page_has_its_marks() -> None:
    page = Path(__file__).parents[2] / "docs" / "capacity.md"
    assert capacity.written(page.read_text("utf-8"), "| x |").count("| x |") == 1
