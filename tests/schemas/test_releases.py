"""Today's schemas understand those of every release, and are understood by them."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

import fastavro
import pytest
from fastavro.utils import generate_many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.compatibility import faults
from schemas.records import RECORDS, SCAN_EVENT, releases
from tests.schemas.drawn import NAMES, value

Fields = list[dict[str, Any]]
seldom = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def released(name: str) -> list[str]:
    """A record's schema in each release that had it."""
    return [records[name].text for records in releases().values() if name in records]


def test_every_release_is_looked_at() -> None:
    assert next(iter(releases())) == "0.1.0"
    assert sum(len(released(name)) for name in NAMES) >= 4


@pytest.mark.parametrize("name", NAMES)
def test_todays_schema_is_fully_compatible_with_every_release(name: str) -> None:
    assert faults(RECORDS[name].text, released(name)) == []


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@seldom
def test_rows_of_every_release_are_read_today_and_todays_by_it(name: str, data: st.DataObject) -> None:
    today = json.loads(RECORDS[name].text)
    for text in released(name):
        then = json.loads(text)
        for writer, reader in ((today, then), (then, today)):
            assert set(resolved(data.draw(value(writer)), writer, reader)) == {f["name"] for f in reader["fields"]}


def resolved(row: dict[str, Any], writer: Any, reader: Any) -> dict[str, Any]:  # noqa: ANN401  # parsed JSON
    """A row written under one schema, read under another, by fastavro."""
    written, bare = (json.loads(json.dumps(s).replace("timestamp-millis", "none")) for s in (writer, reader))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(written), row)
    out.seek(0)
    found = fastavro.schemaless_reader(out, fastavro.parse_schema(written), fastavro.parse_schema(bare))
    assert isinstance(found, dict)
    return found


def at(fields: Fields, name: str) -> dict[str, Any]:
    """The field of a name."""
    return next(field for field in fields if field["name"] == name)


def add(fields: Fields, **field: object) -> None:
    """Append a field."""
    fields.append({"name": "new", **field})


BROKEN: list[tuple[str, Callable[[Fields], object]]] = [
    (r"cannot read the old: ScanEvent\.new: .*without a default", lambda f: add(f, type="string")),
    (r"cannot read the new: ScanEvent\.tier: .*without a default", lambda f: f.remove(at(f, "tier"))),
    (r"ScanEvent\.tier: string is not long", lambda f: at(f, "tier").update(type="long")),
    (r"ScanEvent\.occurred_at: logical type", lambda f: at(f, "occurred_at").update(type="long")),
    (
        r"cannot read the new: ScanEvent\.tier: null is not string",
        lambda f: at(f, "tier").update(type=["null", "string"]),
    ),
    (r"cannot read the old: ScanEvent\.reason: null is not string", lambda f: at(f, "reason").update(type="string")),
    (r"ScanEvent\.measures: map is none of", lambda f: at(f, "measures").update(type=["null", "string"])),
    (r"ScanEvent\.link: record is none of", lambda f: at(f, "link")["type"][1]["fields"][0].update(type="long")),
    (r"ScanEvent\.link: record is none of", lambda f: at(f, "link")["type"][1].update(name="Other")),
    (r"cannot read the new: ScanEvent\.raw_code: .*without", lambda f: at(f, "raw_code").update(name="code")),
]


@pytest.mark.parametrize(("why", "change"), BROKEN)
def test_a_broken_evolution_is_found(why: str, change: Callable[[Fields], object]) -> None:
    broken = json.loads(SCAN_EVENT.text)
    change(broken["fields"])
    found = faults(json.dumps(broken), [SCAN_EVENT.text])

    assert [fault for fault in found if re.search(why, fault)], found


GOOD: list[Callable[[Fields], object]] = [
    lambda f: add(f, type=["null", "string"], default=None),
    lambda f: add(f, type="int", default=0),
    lambda f: f.remove(at(f, "consent")),
    lambda f: at(f, "consent").update(doc="other words"),
    lambda f: f.reverse(),
    lambda f: at(f, "link")["type"][1]["fields"].append({"name": "new", "type": "string", "default": ""}),
]


@pytest.mark.parametrize("change", GOOD)
def test_a_good_evolution_passes_and_fastavro_agrees(change: Callable[[Fields], object]) -> None:
    today = json.loads(SCAN_EVENT.text)
    good = json.loads(SCAN_EVENT.text)
    change(good["fields"])

    assert faults(json.dumps(good), [SCAN_EVENT.text]) == []
    for row in generate_many(json.loads(SCAN_EVENT.text.replace("timestamp-millis", "none")), 3):
        assert resolved(row, today, good)


def test_transitive_means_all_of_them() -> None:
    older = json.loads(SCAN_EVENT.text)
    older["fields"].append({"name": "gone", "type": "string"})
    assert faults(SCAN_EVENT.text, [json.dumps(older), SCAN_EVENT.text])


def test_numbers_may_widen_one_way_only() -> None:
    def schema(kind: str) -> str:
        return json.dumps({"type": "record", "name": "R", "fields": [{"name": "n", "type": kind}]})

    assert faults(schema("long"), [schema("int")]) == ["the old schema cannot read the new: R.n: long is not int"]
