"""The codes of alerts in words, for whoever is told; compared with schemas/promises.py in a test."""

from collections.abc import Mapping
from typing import Final

NAMES: Final[Mapping[str, str]] = {
    "VILLAGE_LATE": "VillageLate",
    "SILENT": "Silent",
    "WAITING": "Waiting",
    "MISSED_TRIP": "MissedTrip",
}
RUNBOOKS: Final[Mapping[str, str]] = {
    "VILLAGE_LATE": "village-late",
    "SILENT": "silent",
    "WAITING": "waiting",
    "MISSED_TRIP": "missed-trip",
}
LEVEL_WORDS: Final[Mapping[tuple[str, str], str]] = {
    ("VILLAGE_LATE", "AT_RISK"): "delivery to the village about to be late",
    ("VILLAGE_LATE", "OVERDUE"): "delivery to the village is late",
    ("SILENT", "AT_RISK"): "no scan for most of the stage's time",
    ("SILENT", "OVERDUE"): "no scan beyond the stage's deadline",
    ("WAITING", "OVERDUE"): "waiting at the point beyond the free time",
    ("MISSED_TRIP", "OVERDUE"): "trip day, stock waiting, nothing left",
}
ADVICE_WORDS: Final[Mapping[str, str]] = {
    "SEND_WITH_NEXT_TRIP": "Put it on the next trip to the village.",
    "DELIVER_NOW": "Deliver today, or tell the recipient when.",
    "ASK_CUSTODIAN": "Ask who has it for a scan.",
    "SEARCH_PARCEL": "Search it where it was last seen.",
    "REMIND_RECIPIENT": "Remind the recipient, or take it back.",
    "SEND_EXTRA_TRIP": "Send an extra trip, or say why none goes.",
}
