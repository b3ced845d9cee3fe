"""Parcels that are late or about to be: who has each, until when, and what to do."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.table import Table

from schemas.promises import ADVICE
from sinks.alerts.words import ADVICE_WORDS
from yizhan.desk import Desk, quoted
from yizhan.operations.places import named, where
from yizhan.operations.telling import Row, coloured, iso, left, local, table

VILLAGE: Final = "village_delivery"
WAITING: Final = "point_dwell"
HEADS: Final = ("parcel", "stage", "deadline (UTC+8)", "hours", "with", "village", "what to do")


def late_parcels(
    desk: Desk, *, village: str | None = None, township: str | None = None, operator: str | None = None
) -> list[Row]:
    """One row per parcel, by its earliest deadline; `UnknownPlace`. `operator`: who has it now."""
    conditions = where(desk, village=village, township=township)
    conditions += [f"ifNull(custodian, '') = {quoted(operator)}"] if operator else []
    sql = "SELECT * FROM parcels_late" + (f" WHERE {' AND '.join(conditions)}" if conditions else "")
    together: dict[str, list[Row]] = defaultdict(list)
    for row in desk.rows(sql):
        together[row["parcel_id"]].append(row)
    names = named(desk)
    found = (_parcel(stages, names) for stages in together.values())
    return sorted(found, key=lambda row: (row["seconds_left"], row["parcel_id"]))


def _parcel(stages: Sequence[Row], names: Mapping[str, str]) -> Row:
    first, *_ = ordered = sorted(stages, key=lambda row: (row["seconds_left"], row["stage"]))
    found: dict[str, Any] = {name: first[name] for name in ("parcel_id", "shown_by", "status", "custodian")}
    found["level"] = first["verdict"]
    found["stages"] = [row["stage"] for row in ordered]
    found |= {"deadline_at": iso(first["deadline_at"]), "seconds_left": first["seconds_left"]}
    found["hours_left"] = round(first["seconds_left"] / 3600, 2)
    found |= {name: first[name] for name in ("county", "township", "village")}
    found["place"] = names.get(first["village"] or "") or names.get(first["township"] or "")
    return found | {"advice": _advice(ordered)}


def _advice(stages: Sequence[Row]) -> str:
    verdicts = {row["stage"]: row["verdict"] for row in stages}
    if WAITING in verdicts:
        return ADVICE["WAITING", "OVERDUE"]
    if VILLAGE in verdicts:
        return ADVICE["VILLAGE_LATE", verdicts[VILLAGE]]
    return ADVICE["SILENT", "AT_RISK"]


def shown(parcels: Sequence[Row]) -> Table:
    """For a terminal, the most urgent first."""
    overdue = sum(row["level"] == "OVERDUE" for row in parcels)
    title = f"{len(parcels)} parcels: {overdue} late, {len(parcels) - overdue} about to be"
    return table(title, HEADS, [_cells(row) for row in parcels], ("hours",))


def _cells(row: Row) -> tuple[str, ...]:
    stage, *others = row["stages"]
    more = f" (+{len(others)})" if others else ""
    return (
        row["shown_by"],
        stage + more,
        local(row["deadline_at"]),
        coloured(left(row["seconds_left"]), row["level"]),
        row["custodian"] or "-",
        row["place"] or row["village"] or "-",
        ADVICE_WORDS[row["advice"]],
    )
