"""The account: what was accepted is stored or dead-lettered, exactly, or it says what is missing."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

Query = Callable[[str], pa.Table]

ACCOUNT_QUERIES = {
    "scans_by_source": "SELECT source, count() AS n FROM scan_events GROUP BY source ORDER BY source",
    "dead_letters_by_reason": "SELECT reason, count() AS n FROM dead_letters GROUP BY reason ORDER BY reason",
    "unmapped_by_network": (
        "SELECT source, count() AS n FROM scan_events WHERE activity = 'UNMAPPED' GROUP BY source ORDER BY source"
    ),
    "parcels_by_status": "SELECT status, count() AS n FROM parcels GROUP BY status ORDER BY status",
}
SLOWEST = """
SELECT stage, county, count() AS late, round(avg(seconds_over) / 3600, 1) AS mean_hours_over
FROM (
    SELECT stage, county, arraySum(overrun_seconds) AS seconds_over
    FROM parcel_stages WHERE verdict IN ('MISSED', 'OVERDUE')
)
GROUP BY stage, county ORDER BY late DESC, stage LIMIT 10
"""
KNOWN_SCANS = "SELECT issuer, tracking_number, source, event_id FROM scan_events"
KNOWN_LETTERS = "SELECT source, letter_id FROM dead_letters"


class Ledger:
    """What admission accepted and sent, written down apart from what the sinks store."""

    def __init__(self) -> None:
        self.scans: set[int] = set()
        self.letters: set[int] = set()
        self.copies = Counter[str]()

    def write(self, scans: list[dict[str, Any]], letters: list[dict[str, Any]]) -> None:
        """Note a batch: identities once, copies counted."""
        self.scans.update(hash((s["issuer"], s["tracking_number"], s["source"], s["event_id"])) for s in scans)
        self.letters.update(hash((d["source"], d["letter_id"])) for d in letters)
        self.copies.update(scans=len(scans), letters=len(letters))


@dataclass(frozen=True)
class Account:
    """accepted = stored + dead_lettered + refused; `missing` is what breaks that, and must be 0."""

    documents: int
    accepted: int
    stored: int
    dead_lettered: int
    refused: int
    repeats: int
    missing: int
    scans_by_source: dict[str, int] = field(default_factory=dict)
    dead_letters_by_reason: dict[str, int] = field(default_factory=dict)
    unmapped_by_network: dict[str, int] = field(default_factory=dict)
    parcels_by_status: dict[str, int] = field(default_factory=dict)
    slowest_stages: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def account(query: Query, ledger: Ledger, documents: int) -> Account:
    """Hold the ledger against what the tables show."""
    stored = len(ledger.scans & _identities(query(KNOWN_SCANS)))
    lettered = len(ledger.letters & _identities(query(KNOWN_LETTERS)))
    accepted = len(ledger.scans) + len(ledger.letters)
    tables = {name: _counts(query(sql)) for name, sql in ACCOUNT_QUERIES.items()}
    return Account(
        documents=documents,
        accepted=accepted,
        stored=stored,
        dead_lettered=lettered,
        refused=0,  # the gateway refuses; a file import takes every line
        repeats=ledger.copies.total() - accepted,
        missing=accepted - stored - lettered,
        slowest_stages=query(SLOWEST).to_pylist(),
        **tables,
    )


def _identities(found: pa.Table) -> set[int]:
    return set(map(hash, zip(*(found[name].to_pylist() for name in found.column_names), strict=True)))


def _counts(found: pa.Table) -> dict[str, int]:
    names, counts = found.columns
    return dict(zip(names.to_pylist(), counts.to_pylist(), strict=True))
