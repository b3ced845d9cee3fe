"""Records of the contracts as Arrow, shaped as the Avro decoder gives them, from a few words each."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import pyarrow as pa

INSTANT = pa.timestamp("ms")
_PLAIN = {
    "string": pa.string(),
    "long": pa.int64(),
    "int": pa.int32(),
    "boolean": pa.bool_(),
    "bytes": pa.binary(),
    "double": pa.float64(),
}
_EMPTY: Mapping[str, object] = {"string": "", "long": 0, "int": 0, "boolean": False, "bytes": b""}


def avsc(record: str) -> list[dict[str, Any]]:
    """The fields of a record's .avsc, in order."""
    text = resources.files("schemas").joinpath("avro", f"{record}.avsc").read_text("utf-8")
    found: list[dict[str, Any]] = json.loads(text)["fields"]
    return found


def schema(fields: Sequence[Mapping[str, Any]]) -> pa.Schema:
    """The Arrow schema of these fields."""
    return pa.schema([(f["name"], _arrow(f["type"])) for f in fields])


def table(record: str, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Rows that name what matters; the other fields are null, zero or empty."""
    fields = avsc(record)
    blank = {f["name"]: _blank(f["type"]) for f in fields}
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema(fields))


def scan(**words: object) -> dict[str, object]:
    """A scan of sf:SF1."""
    known = {"event_id": "e1", "source": "sf", "issuer": "sf", "tracking_number": "SF1", "activity": "ARRIVED"}
    return known | {"received_at": 1_773_000_000_000, "occurred_at": 1_772_900_000_000} | words


def stage(**words: object) -> dict[str, object]:
    """A stage `county` that runs since second 1000."""
    blank = {f["name"]: _blank(f["type"]) for f in _stage_fields()}
    return (
        blank | {"stage": "county", "from_milestone": "county_in", "started_at": 1_000_000, "state": "running"} | words
    )


def parcel(**words: object) -> dict[str, object]:
    """Parcel sf:SF1 at version 1."""
    return {"parcel_id": "sf:SF1", "version": 1, "judged_at": 5, "waybills": ["sf:SF1"], "shown_by": "sf:SF1"} | words


def letter(**words: object) -> dict[str, object]:
    """A letter of sf."""
    return {"letter_id": "00ff", "source": "sf", "reason": "BAD_TIME", "payload": b"{}", "received_at": 7_000} | words


def alert(**words: object) -> dict[str, object]:
    """Alert a1 of sf:SF1, raised at second 7."""
    known = {"alert_id": "a1", "kind": "SILENT", "level": "AT_RISK", "state": "RAISED", "parcel_id": "sf:SF1"}
    return known | {"stage": "county", "raised_at": 7_000, "parcels": 1, "incident_id": "i1", "version": 2} | words


def _stage_fields() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = avsc("parcel_lifecycle")[-1]["type"]["items"]["fields"]
    return found


def _kernel(kind: Any) -> Any:  # noqa: ANN401  # a part of a schema
    return next(k for k in kind if k != "null") if isinstance(kind, list) else kind


def _arrow(kind: Any) -> pa.DataType:  # noqa: ANN401  # a part of a schema
    kind = _kernel(kind)
    if isinstance(kind, str):
        return _PLAIN[kind]
    if kind.get("logicalType"):
        return INSTANT
    if kind["type"] == "array":
        return pa.list_(_arrow(kind["items"]))
    if kind["type"] == "map":
        return pa.map_(pa.string(), _arrow(kind["values"]))
    return pa.struct(list(schema(kind["fields"])))


def _blank(kind: Any) -> object:  # noqa: ANN401  # a part of a schema
    if isinstance(kind, list):
        return None
    return _EMPTY[kind] if isinstance(kind, str) else [] if kind["type"] == "array" else 0
