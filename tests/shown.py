"""Parcels as ClickHouse shows them, in the shape of truth.json, to the millisecond on servers of any age."""

from dataclasses import dataclass
from typing import Any

from schemas.vocabulary import MILESTONES
from sinks.clickhouse.store import Store

Row = dict[str, Any]
SAME = ("waybills", "shown_by", "direction", "service", "status", "destination_region", "destination_village")


@dataclass(frozen=True)
class Shown:
    """Parcels by their waybills; `repeated`: rows beyond one a parcel, and waybills of more than one parcel."""

    parcels: dict[tuple[str, ...], Row]
    repeated: int


def shown_parcels(store: Store) -> Shown:
    """All of them."""
    rows = store.query("SELECT * FROM current_parcels").to_pylist()
    stages: dict[str, list[Row]] = {row["parcel_id"]: [] for row in rows}
    for stage in store.query("SELECT * FROM judged_stages").to_pylist():
        stages[stage["parcel_id"]].append(stage)
    waybills = [waybill for row in rows for waybill in row["waybills"]]
    repeated = len(rows) - len(stages) + len(waybills) - len(set(waybills))
    return Shown({tuple(row["waybills"]): _parcel(row, stages[row["parcel_id"]]) for row in rows}, repeated)


def _parcel(row: Row, stages: list[Row]) -> Row:
    times = {m.name: row[f"{m.name}_at"] for m in MILESTONES}
    return {name: row[name] for name in (*SAME, "custodians", "scans")} | {
        "collected_inferred": bool(row["collected_inferred"]),
        "milestones": {name: at for name, at in times.items() if at is not None},
        "stages": {stage["stage"]: _stage(stage) for stage in stages},
        "late": sorted(s["stage"] for s in stages if s["verdict"] in {"MISSED", "OVERDUE"}),
    }


def _stage(row: Row) -> Row:
    told = {"from": row["started_at"], "to": row["ended_at"], "seconds": row["seconds"], "state": row["state"]}
    if row["clock_skew"]:
        told["clock_skew"] = True
    if row["target"] is not None:
        told |= {"target": row["target"], "due": row["stage_deadline_at"], "verdict": row["verdict"]}
    if row["overrun_operators"]:
        told["overrun"] = dict(zip(row["overrun_operators"], row["overrun_seconds"], strict=True))
    return told
