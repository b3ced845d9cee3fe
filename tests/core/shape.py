"""Rows of parcel_lifecycle.avsc in the shape of truth.json."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.vocabulary import MILESTONES

Parcel = dict[str, Any]
SAME: Final = (
    "waybills", "shown_by", "direction", "service", "status", "collected_inferred",
    "destination_region", "destination_village", "custodians", "scans",
)  # fmt: skip
LATE: Final = ("MISSED", "OVERDUE")
FIELDS: Final = (*SAME, "milestones", "stages", "late")
EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")


def parcel(row: Mapping[str, Any]) -> Parcel:
    """All that truth.json says of a parcel."""
    return {name: row[name] for name in SAME} | {
        "milestones": {m.name: _ms(row[f"{m.name}_at"]) for m in MILESTONES if row[f"{m.name}_at"]},
        "stages": {stage["stage"]: _stage(stage) for stage in row["stages"]},
        "late": sorted(stage["stage"] for stage in row["stages"] if stage["verdict"] in LATE),
    }


def _stage(stage: Mapping[str, Any]) -> Parcel:
    overrun = {share["operator"]: share["seconds"] for share in stage["overruns"]}
    target = {"target": stage["target"], "due": _ms(stage["deadline_at"]), "verdict": stage["verdict"]}
    return (
        {"from": _ms(stage["started_at"]), "to": _ms(stage["ended_at"])}
        | {"seconds": stage["seconds"], "state": stage["state"]}
        | ({"clock_skew": True} if stage["clock_skew"] else {})
        | (target if stage["target"] else {})
        | ({"overrun": overrun} if overrun else {})
    )


def _ms(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - EPOCH) // timedelta(milliseconds=1)
