"""A record is declared in its .avsc; tables, views and rows follow it, name by name and in order."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pyarrow as pa
import pytest

from schemas.reference import Facility, Network, Target
from schemas.vocabulary import MILESTONES
from sinks.clickhouse import rows
from sinks.clickhouse.store import Store
from sinks.clickhouse.writer import TABLES, Kind
from tests.sinks.records import avsc, table

RECORDS = {
    Kind.SCANS: "scan_event",
    Kind.LIFECYCLES: "parcel_lifecycle",
    Kind.DEAD_LETTERS: "dead_letter",
    Kind.ALERTS: "parcel_alert",
}


def names(record: str) -> list[str]:
    return [field["name"] for field in avsc(record)]


def within(record: str, field: str) -> list[dict[str, Any]]:
    """The fields of the record that a field of this record holds."""
    kind = next(f["type"] for f in avsc(record) if f["name"] == field)
    kind = kind[1] if isinstance(kind, list) else kind
    found: list[dict[str, Any]] = kind.get("fields") or kind["items"]["fields"]
    return found


def columns(store: Store, name: str) -> list[str]:
    found: list[str] = store.query(f"DESCRIBE TABLE {name}")["name"].to_pylist()
    return found


def stored(record: str) -> Iterator[str]:
    for name in names(record):
        if name == "link":
            yield from (f"link_{f['name']}" for f in within(record, name))
        elif name == "measures":
            yield from ("measures.key", "measures.value")
        elif name == "stages":
            yield from (f"stages.{c}" for c in stage_columns("overruns_operator", "overruns_seconds"))
        else:
            yield name


def stage_columns(operator: str, seconds: str) -> Iterator[str]:
    for field in within("parcel_lifecycle", "stages"):
        yield from (operator, seconds) if field["name"] == "overruns" else (field["name"],)


@pytest.mark.parametrize("kind", Kind)
def test_stored_columns_follow_the_record(store: Store, kind: Kind) -> None:
    """The table's columns, precedence aside, are the record's fields; so are those of an insert."""
    name, make = TABLES[kind]
    expected = list(stored(RECORDS[kind]))

    inserted = make(table(RECORDS[kind], []))

    assert len(expected) >= 13
    assert columns(store, name) == [*expected, "precedence"]
    assert inserted.schema.names == expected


def test_scans_and_letters_are_shown_whole(store: Store) -> None:
    """The views have the record's fields in order; a link is flat."""
    shown = [c for c in stored("scan_event") if c != "measures.value"]
    assert columns(store, "scan_events") == [c.removesuffix(".key") for c in shown]
    assert columns(store, "dead_letters") == names("dead_letter")


def test_alerts_show_all_but_what_a_partition_counted(store: Store) -> None:
    """Every field of the record has its column; `parcels` is counted over all of them in delay_incidents."""
    assert set(columns(store, "delay_alerts")) == {*names("parcel_alert")} - {"parcels"}


def test_parcels_show_all_but_stages_and_gone(store: Store) -> None:
    """In the record's order, version and clock last; with a column for each milestone."""
    last = ["version", "judged_at"]
    shown = columns(store, "parcels")

    assert shown == [n for n in names("parcel_lifecycle") if n not in {"stages", "gone", *last}] + last
    assert [c for c in shown if c in {f"{m.name}_at" for m in MILESTONES}] == [f"{m.name}_at" for m in MILESTONES]


def test_stages_show_their_record(store: Store) -> None:
    """The parcel's id, then the fields of a stage in order, overruns as two arrays."""
    expected = ["parcel_id", *stage_columns("overrun_operators", "overrun_seconds")]
    assert columns(store, "parcel_stages") == expected


@pytest.mark.parametrize(("view", "kind"), [("networks", Network), ("facilities", Facility), ("stage_targets", Target)])
def test_reference_views_follow_the_reference_classes(store: Store, view: str, kind: type) -> None:
    """Columns are the fields of the class the files are read into."""
    assert columns(store, view) == [field.name for field in fields(kind)]


def test_rows_that_lack_a_field_are_refused() -> None:
    """Records of another contract do not slip in with empty columns."""
    with pytest.raises(rows.BadRows, match="scan_event without raw_code"):
        rows.scans(table("scan_event", []).drop_columns(["raw_code"]))


def test_a_field_no_table_has_is_refused(store: Store) -> None:
    """The store does not drop a column it does not know."""
    made = rows.dead_letters(table("dead_letter", [{"letter_id": "1"}]))
    more = made.append_column("colour", pa.array(["red"]))
    with pytest.raises(RuntimeError, match="colour"):
        store.insert("stored_dead_letters", more)
