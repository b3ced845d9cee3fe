"""Alerts from a few words each."""

from schemas.promises import ADVICE
from sinks.alerts.alert import Alert

DAY: int = 1_773_000_000_000


def alert(**words: object) -> Alert:
    """Alert a1: sf:SF1 is late for its village."""
    known: dict[str, object] = {
        "alert_id": "a1",
        "kind": "VILLAGE_LATE",
        "level": "OVERDUE",
        "state": "RAISED",
        "parcel_id": "sf:SF1",
        "shown_by": "sf:SF1",
        "stage": "village_delivery",
        "raised_at": DAY,
        "deadline_at": DAY,
        "resolved_at": None,
        "resolution": None,
        "custodian": "china-post",
        "facility_id": "T-520330101",
        "county": "520330000000",
        "township": "520330101000",
        "village": "520330101201",
        "parcels": 1,
        "incident_id": "i1",
        "version": 1,
    }
    known |= words
    known.setdefault("advice", ADVICE[str(known["kind"]), str(known["level"])])
    return Alert(**known)  # type: ignore[arg-type]  # the record's fields by name


def resolved(**words: object) -> Alert:
    """Its end: the parcel moved."""
    return alert(**{"state": "RESOLVED", "version": 2, "resolved_at": DAY + 60_000, "resolution": "MOVED"} | words)


def numbered(count: int, **words: object) -> list[Alert]:
    """Alerts a0, a1, ... of as many parcels, one incident."""
    return [alert(alert_id=f"a{n}", parcel_id=f"sf:SF{n}", shown_by=f"sf:SF{n}", **words) for n in range(count)]
