"""Stored scans back as ScanEvents, in waves: how a restart rebuilds the state of every parcel."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow as pa

from schemas.records import SCAN_EVENT

WAVE_SCANS: Final = 4_000
LINK: Final = ("issuer", "tracking_number", "relation", "evidence")


def stored_scans(query: Callable[[str], pa.Table]) -> Iterator[list[dict[str, Any]]]:
    """All stored scans as rows of scan_event.avsc; a waybill's scans come in one wave."""
    [total] = query("SELECT count() AS n FROM scan_events")["n"].to_pylist()
    waves = -(-total // WAVE_SCANS)
    for number in range(waves):
        found = query(
            f"SELECT * FROM scan_events WHERE cityHash64(issuer, tracking_number) % {waves} = {number}"  # numbers
        )
        yield [_scan(row) for row in found.to_pylist()]


def _scan(row: dict[str, Any]) -> dict[str, Any]:
    link = {name: row[f"link_{name}"] for name in LINK}
    scan = {name: row[name] for name in SCAN_EVENT.fields if name != "link"}
    measures = row["measures"]
    scan["measures"] = dict(measures) or None if measures is not None else None
    return scan | {"link": link if link["relation"] else None}
