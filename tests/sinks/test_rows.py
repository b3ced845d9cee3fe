"""Records as the Avro decoder gives them, turned into columns without a step per row."""

import io
import json
from importlib import resources
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from pyruhvro import deserialize_array_threaded

from sinks.clickhouse import rows
from tests.sinks.records import parcel, scan, stage, table

OVERRUN = {"operator": "sf", "seconds": 7}


def decoded(record: str, values: list[dict[str, Any]]) -> pa.Table:
    """Through the wire: encoded by the reference library, decoded by the one that is used."""
    text = resources.files("schemas").joinpath("avro", f"{record}.avsc").read_text("utf-8")
    parsed = fastavro.parse_schema(json.loads(text))
    bodies = []
    for value in values:
        body = io.BytesIO()
        fastavro.schemaless_writer(body, parsed, value)
        bodies.append(body.getvalue())
    return pa.Table.from_batches(deserialize_array_threaded(bodies, text, 2))


def test_scans_from_the_wire() -> None:
    """Links become flat columns, measures two arrays, times milliseconds."""
    link = {"issuer": "yto", "tracking_number": "Y1", "relation": "RETURN", "evidence": "x"}
    blank = table("scan_event", [scan()]).drop_columns(["link", "measures", "occurred_at", "received_at"])
    plain = blank.to_pylist()[0] | {"occurred_at": 1_001, "received_at": 2_002}
    made = rows.scans(decoded("scan_event", [plain, plain | {"link": link, "measures": {"a": "1", "b": "2"}}]))

    assert made["occurred_at"].to_pylist() == [1_001, 1_001]
    assert made["link_tracking_number"].to_pylist() == [None, "Y1"]
    assert made["measures.key"].to_pylist() == [[], ["a", "b"]]
    assert made["measures.value"].to_pylist() == [[], ["1", "2"]]


def lifecycles(*counts: int) -> list[dict[str, object]]:
    return [
        parcel(
            version=v, stages=[stage(seconds=i, ended_at=None if i else 5, overruns=[OVERRUN] * i) for i in range(n)]
        )
        for v, n in enumerate(counts)
    ]


def test_stages_become_parallel_arrays() -> None:
    """One array per field of a stage, overruns as arrays within; a parcel without stages has empty ones."""
    made = rows.lifecycles(table("parcel_lifecycle", lifecycles(0, 3, 1)))

    assert made["stages.seconds"].to_pylist() == [[], [0, 1, 2], [0]]
    assert made["stages.ended_at"].to_pylist() == [[], [5, None, None], [5]]
    assert made["stages.overruns_seconds"].to_pylist() == [[], [[], [7], [7, 7]], [[]]]
    assert made["stages.overruns_operator"].type == pa.list_(pa.list_(pa.string()))


def test_stages_from_the_wire() -> None:
    """The decoder's own Arrow shapes are taken, too."""
    known = table("parcel_lifecycle", lifecycles(2)).to_pylist()
    made = rows.lifecycles(decoded("parcel_lifecycle", known))

    assert made["stages.overruns_operator"].to_pylist() == [[[], ["sf"]]]
    assert made["judged_at"].to_pylist() == [5]


@pytest.mark.parametrize("cut", [(0, 2), (1, 2), (2, 1), (3, 0)])
def test_a_slice_gives_the_rows_of_the_slice(cut: tuple[int, int]) -> None:
    """Offsets into a larger batch do not leak into the arrays."""
    whole = table("parcel_lifecycle", lifecycles(2, 0, 3))
    made = rows.lifecycles(whole.slice(*cut).combine_chunks().to_batches()[0] if cut[1] else whole.slice(*cut))

    full = rows.lifecycles(whole)
    assert made.to_pylist() == full.slice(*cut).to_pylist()
    assert made.num_rows == cut[1]


def test_chunks_and_other_kinds_of_text_are_one() -> None:
    """Several chunks, dictionaries and long strings give the same columns as plain ones."""
    plain = table("scan_event", [scan(), scan(event_id="e2")])
    coded = plain.set_column(1, "source", plain["source"].combine_chunks().dictionary_encode())
    coded = coded.set_column(0, "event_id", plain["event_id"].cast(pa.large_string()))
    chunked = pa.concat_tables([coded.slice(0, 1), coded.slice(1)])

    assert rows.scans(chunked).equals(rows.scans(plain))
