"""The words of promises and alerts, each declared once (parcel_alert.avsc)."""

from collections.abc import Mapping
from typing import Final

KINDS: Final = ("VILLAGE_LATE", "SILENT", "WAITING", "MISSED_TRIP")
LEVELS: Final = ("AT_RISK", "OVERDUE")
STATES: Final = ("RAISED", "RESOLVED")
RESOLUTIONS: Final = ("MOVED", "DELIVERED", "WITHDRAWN", "RETURNED")

ADVICE: Final[Mapping[tuple[str, str], str]] = {
    ("VILLAGE_LATE", "AT_RISK"): "SEND_WITH_NEXT_TRIP",
    ("VILLAGE_LATE", "OVERDUE"): "DELIVER_NOW",
    ("SILENT", "AT_RISK"): "ASK_CUSTODIAN",
    ("SILENT", "OVERDUE"): "SEARCH_PARCEL",
    ("WAITING", "OVERDUE"): "REMIND_RECIPIENT",
    ("MISSED_TRIP", "OVERDUE"): "SEND_EXTRA_TRIP",
}
"""What to do, by kind and level: exactly the alerts that exist."""

SILENCE_HOURS: Final[Mapping[str, int]] = {
    "first_mile": 24,
    "origin_warehouse": 24,
    "origin_processing": 24,
    "transport": 72,
    "destination_processing": 24,
    "delivery": 12,
    "county": 24,
    "township": 36,
    "village_delivery": 36,
    "whole": 48,
}
"""Hours without a scan before a parcel is silent, by the stage it is in; silence.csv replaces all of them."""
FREE_HOURS: Final = 48
"""How long a parcel may wait at a point of an operator that free_time.csv does not name."""
