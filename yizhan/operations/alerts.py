"""Alerts that stand open, with what people said of them; taking one on, and putting one off."""

import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.table import Table

from sinks.alerts.marks import ACKNOWLEDGED, ACKNOWLEDGED_FOR_MS, SNOOZED, Mark
from sinks.alerts.words import ADVICE_WORDS, LEVEL_WORDS
from yizhan.desk import Desk, quoted
from yizhan.operations.places import named, where
from yizhan.operations.telling import Row, coloured, instant, iso, left, local, table

INCIDENT_HEADS: Final = (
    "incident", "what", "parcels", "first deadline (UTC+8)", "hours", "with", "where", "what to do", "said"
)  # fmt: skip
HEADS: Final = ("alert", "what", "parcel or place", "deadline (UTC+8)", "hours", "with", "where", "what to do", "said")
TIMES: Final = ("raised_at", "deadline_at")
COLUMNS: Final = (
    "alert_id, incident_id, kind, level, stage, parcel_id, shown_by, facility_id, custodian, county, township, "
    "village, advice, raised_at, deadline_at"
)
UNITS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


class UnknownAlert(LookupError):
    """Nothing of this name stands open."""


class NoDuration(ValueError):
    """A time span that cannot be read."""


def open_alerts(desk: Desk, conditions: Sequence[str] = ()) -> list[Row]:
    """Open alerts, the gravest first, then by deadline; each with its marks."""
    wanted = " AND ".join(["state = 'RAISED'", *conditions])
    sql = f"SELECT {COLUMNS} FROM delay_alerts WHERE {wanted}"
    now, marks, names = _now(desk), _marks(desk), named(desk)
    found = [_told(row, now, names) | _said_of(row, marks) for row in desk.rows(sql)]
    return sorted(found, key=lambda row: (row["level"] != "OVERDUE", row["deadline_at"] or "9", row["alert_id"]))


def narrowed(
    desk: Desk, *, kind: str | None, level: str | None, county: str | None, township: str | None, village: str | None
) -> list[str]:
    """Conditions of SQL for what was asked; `UnknownPlace`."""
    words = {"kind": kind, "level": level}
    exact = [f"{name} = {quoted(text)}" for name, text in words.items() if text]
    return exact + where(desk, county=county, township=township, village=village)


def found_by(desk: Desk, name: str) -> list[Row]:
    """Open alerts that a person means by this: an alert, an incident, or a parcel by its number; `UnknownAlert`."""
    word = quoted(name)
    number = quoted(name.upper().replace(" ", ""))
    parcel = f"parcel_id = {word} OR shown_by = {word} OR splitByChar(':', concat(shown_by, ':'))[2] = {number}"
    found = open_alerts(desk, [f"(alert_id = {word} OR incident_id = {word} OR {parcel})"])
    if not found:
        raise UnknownAlert(f"no open alert, incident or parcel {name!r}; see: yizhan alerts")
    return found


def meant(name: str, alerts: Sequence[Row]) -> list[str]:
    """What to mark: the incident, so that what joins it later is covered, or each alert."""
    whole = any(row["incident_id"] == name for row in alerts)
    return [name] if whole else [row["alert_id"] for row in alerts]


def acknowledgements(ids: Sequence[str], by: str, note: str, now: int) -> list[Mark]:
    """They are being dealt with: not repeated, but told again when they grow worse. `now`: epoch ms of the wall."""
    return [Mark(about, ACKNOWLEDGED, now + ACKNOWLEDGED_FOR_MS, by, note, now) for about in ids]


def snoozes(ids: Sequence[str], span: int, by: str, note: str, now: int) -> list[Mark]:
    """Nothing is said of them for so long (ms)."""
    return [Mark(about, SNOOZED, now + span, by, note, now) for about in ids]


def span(text: str) -> int:
    """`30m`, `2h`, `1d` in ms; `0` ends a snooze. `NoDuration`."""
    if text == "0":
        return 0
    if (found := re.fullmatch(r"([1-9]\d{0,3})([mhd])", text)) is None:
        raise NoDuration(f"{text!r} is no time span; write it like 30m, 2h or 1d, or 0 to end a snooze")
    return int(found[1]) * UNITS[found[2]]


def shown_incidents(alerts: Sequence[Row]) -> Table:
    """For a terminal: what hangs together is one row, so that a blocked road does not hide the rest."""
    together: dict[str, list[Row]] = defaultdict(list)
    for row in alerts:
        together[row["incident_id"]].append(row)
    title = f"{len(alerts)} alerts of {len(together)} incidents stand open"
    rows = [_incident_cells(some) for some in together.values()]
    return table(title, INCIDENT_HEADS, rows, ("parcels", "hours"))


def shown(alerts: Sequence[Row]) -> Table:
    """For a terminal, each alert a row."""
    return table(f"{len(alerts)} alerts", HEADS, [_cells(row) for row in alerts], ("hours",))


_UNSAID: Final[Row] = {"acknowledged_by": None, "acknowledged_note": None, "snoozed_until": None}


def _told(row: Row, now: int, names: dict[str, str]) -> Row:
    deadline = instant(row["deadline_at"])
    seconds = None if deadline is None else int(deadline.timestamp()) - now // 1000
    nearest = (names.get(row[field] or "") for field in ("village", "township", "facility_id", "county"))
    place = next((name for name in nearest if name), None)
    return row | {name: iso(row[name]) for name in TIMES} | {"seconds_left": seconds, "place": place}


def _now(desk: Desk) -> int:
    return int(desk.rows("SELECT now_ms FROM clock")[0]["now_ms"])


def _said_of(row: Row, marks: Mapping[str, Row]) -> Row:
    """What was said of the alert itself comes before what was said of its incident."""
    return _UNSAID | marks.get(row["incident_id"], {}) | marks.get(row["alert_id"], {})


def _marks(desk: Desk) -> dict[str, Row]:
    now = time.time_ns() // 1_000_000
    found: dict[str, Row] = {}
    for row in desk.rows(f"SELECT * FROM current_alert_marks WHERE until_ms > {now}"):
        said = found.setdefault(row["about"], {})
        if row["mark"] == ACKNOWLEDGED:
            said |= {"acknowledged_by": row["by"], "acknowledged_note": row["note_of_it"]}
        else:
            said["snoozed_until"] = row["until_ms"]
    return found


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row["alert_id"],
        coloured(LEVEL_WORDS[row["kind"], row["level"]], row["level"]),
        row["shown_by"] or row["facility_id"] or "-",
        local(row["deadline_at"]),
        coloured(left(row["seconds_left"]), row["level"]),
        row["custodian"] or "-",
        row["place"] or "-",
        ADVICE_WORDS[row["advice"]],
        _said(row),
    )


def _incident_cells(alerts: Sequence[Row]) -> tuple[str, ...]:
    """The first of them has the earliest deadline."""
    first, places = alerts[0], {row["place"] for row in alerts}
    more = f" and {len(places) - 1} more places" if len(places) > 1 else ""
    said = [text for row in alerts if (text := _said(row))]
    return (
        first["incident_id"],
        coloured(LEVEL_WORDS[first["kind"], first["level"]], first["level"]),
        str(len(alerts)) if first["parcel_id"] else "-",
        local(first["deadline_at"]),
        coloured(left(first["seconds_left"]), first["level"]),
        first["custodian"] or "-",
        (first["place"] or "-") + more,
        ADVICE_WORDS[first["advice"]],
        f"{len(said)} of {len(alerts)}: {said[0]}" if said else "",
    )


def _said(row: Row) -> str:
    told = [f"{row['acknowledged_by']}: {row['acknowledged_note'] or 'taken on'}"] if row["acknowledged_by"] else []
    if row["snoozed_until"] is not None:
        told.append(f"snoozed until {local(datetime.fromtimestamp(row['snoozed_until'] / 1000, UTC))}")
    return "; ".join(told)
