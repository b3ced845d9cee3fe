"""Alerts as rows of parcel_alert.avsc."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np

from schemas.promises import ADVICE, RESOLUTIONS
from schemas.vocabulary import STAGES
from stream_jobs.alerts.columns import BITS, SLOT, Slots
from stream_jobs.alerts.numbers import NEVER
from stream_jobs.alerts.watches import PROMISED, STRICT, WATCHES, Patience

Alert = dict[str, Any]
STAGE_NUMBER: Final = {stage.name: number for number, stage in enumerate(STAGES)}


@dataclass(frozen=True, slots=True)
class Parcel:
    """What an alert says of its parcel in words."""

    parcel_id: str
    shown_by: str
    custodian: str | None
    facility_id: str | None


def raised(parcel: Parcel, held: Slots, watch: int, patience: Patience) -> Alert:
    """The alert of one watch of one slot; `parcels` is left to whoever counts."""
    kind, level = WATCHES[watch]
    stage = STAGES[int(held["stage"][watch])].name
    begun = int(held["moment"][watch]) - int(STRICT[watch])
    county, township, village = (f"{number:012d}" if number else None for number in held["region"].tolist())
    place = (township or county) if kind == "VILLAGE_LATE" else (parcel.facility_id or township or county)
    window = (begun + patience.zone) // patience.window
    return {
        "alert_id": _hash(kind, parcel.parcel_id, stage, level, begun),
        "kind": kind,
        "level": level,
        "state": "RAISED",
        "parcel_id": parcel.parcel_id,
        "shown_by": parcel.shown_by,
        "stage": stage,
        "raised_at": begun,
        "deadline_at": _deadline(held, watch),
        "resolved_at": None,
        "resolution": None,
        "custodian": parcel.custodian,
        "facility_id": parcel.facility_id,
        "county": county,
        "township": township,
        "village": village,
        "parcels": 1,
        "incident_id": _hash(kind, stage, level, parcel.custodian, place, window),
        "advice": ADVICE[kind, level],
        "version": 2 * int(held["version"]),
    }


def resolved(alert: Alert, resolution: int, at: int, version: int) -> Alert:
    """The same alert, ended by what a lifecycle of this version, judged at that instant, says."""
    end = {"state": "RESOLVED", "resolved_at": at, "resolution": RESOLUTIONS[resolution]}
    # One above the same lifecycle's raising, so that of two records the end holds.
    return alert | end | {"version": max(2 * version, alert["version"]) + 1}


def adopted(alerts: Mapping[int, Alert]) -> Slots:
    """The slot of a parcel of which nothing but its open alerts is known, by watch."""
    head = np.zeros(1, SLOT)
    head["moment"] = NEVER
    head["version"] = max(alert["version"] for alert in alerts.values()) // 2
    for watch, alert in alerts.items():
        head["moment"][0, watch] = alert["raised_at"] + int(STRICT[watch])
        head["stage"][0, watch] = STAGE_NUMBER[alert["stage"]]
        head["raised"] |= BITS[watch]
    return head


def _deadline(held: Slots, watch: int) -> int | None:
    promised = PROMISED[watch]
    return None if promised is None else int(held["moment"][promised]) - int(STRICT[promised])


def _hash(*words: object) -> str:
    return blake2b("|".join(str(word) for word in words).encode(), digest_size=8).hexdigest()
