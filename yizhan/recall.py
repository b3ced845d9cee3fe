"""Reads stored scans back for numbers that have left the stream job's state, out of any ClickHouse."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import pyarrow as pa

from schemas.records import SCAN_EVENT
from schemas.vocabulary import RELATIONS
from yizhan.desk import quoted

Scan = dict[str, Any]
Number = tuple[str, str]
LINK: Final = ("issuer", "tracking_number", "relation", "evidence")
PLAIN: Final = tuple(name for name in SCAN_EVENT.fields if name not in {"link", "measures"})
COLUMNS: Final = ", ".join([*PLAIN, *(f"link_{name}" for name in LINK)])
JOINING: Final = frozenset(RELATIONS) - {"IN_CONTAINER", "PIECE_OF"}
NAMED: Final = "link_issuer, link_tracking_number"
LIVES: Final = ("", *(f"~{number}" for number in range(2, 41)))
"""What the parcels of one number are named by behind it: it has one in half a year at most, and scans begin in 2020 and
end in 2039."""


class StoredScans:
    """All scans of some numbers, of those joined with them, and of the containers these lay in.

    `query`: reading SQL to columns, of the embedded store or of a server. From the stored table, not from the view:
    on old servers that shows whole seconds.
    """

    def __init__(self, query: Callable[[str], pa.Table]) -> None:
        self._query = query

    def __call__(self, waybills: Sequence[bytes]) -> list[Scan]:
        """Rows of scan_event.avsc, times in epoch ms; measures, which decide nothing, left out."""
        found: dict[Number, list[Scan]] = {}
        joined = {_number(waybill.decode()) for waybill in waybills}
        labels: set[Number] = set()
        while new := (joined | labels) - found.keys():
            scans = self._scans("issuer, tracking_number", new)
            naming = self._naming(new & joined)
            found |= {number: [scan for scan in scans if _own(scan) == number] for number in new}
            labels |= {_far(s) for s in scans if s["link"] and s["link"]["relation"] == "IN_CONTAINER"}
            joined |= {_far(s) for s in scans if s["link"] and s["link"]["relation"] in JOINING and _own(s) in joined}
            joined |= {_own(s) for s in naming if s["link"]["relation"] in JOINING}
        return [scan for scans in found.values() for scan in scans]

    def since(self, waybills: Sequence[bytes], at: int) -> list[bytes]:
        """Which of these name a parcel, or have named one, that was scanned at that instant (epoch ms) or later.

        By the key, whatever number of which life the parcel is named by. An older record of a parcel may say so, too:
        then it is looked at in vain.
        """
        if not waybills:
            return []
        numbers, lives = (", ".join(map(quoted, some)) for some in ((w.decode() for w in waybills), LIVES))
        rows = self._query(
            f"SELECT DISTINCT splitByChar('~', parcel_id)[1] AS number FROM stored_parcels WHERE last_scan_at >= {at} "
            f"AND parcel_id IN (SELECT concat(arrayJoin([{numbers}]), arrayJoin([{lives}])))"
        )
        return [number.encode() for number in sorted(rows["number"].to_pylist())]

    def _naming(self, numbers: set[Number]) -> list[Scan]:
        """Scans whose link names one of them: the index tells of which numbers they may be, then the key finds them."""
        bare = ", ".join(quoted(number) for number in sorted({number for _, number in numbers}))
        some = f"SELECT issuer, tracking_number FROM stored_scans WHERE link_tracking_number IN ({bare})"
        return self._scans(NAMED, numbers, f"(issuer, tracking_number) IN ({some}) AND ")

    def _scans(self, key: str, numbers: Iterable[Number], where: str = "") -> list[Scan]:
        listed = ", ".join(f"({quoted(issuer)}, {quoted(number)})" for issuer, number in sorted(numbers))
        if not listed:
            return []
        rows = self._query(f"SELECT {COLUMNS} FROM stored_scans FINAL WHERE {where}({key}) IN ({listed})")
        return [_scan(row) for row in rows.to_pylist()]


def _scan(row: Scan) -> Scan:
    link = {name: row[f"link_{name}"] for name in LINK}
    return {name: row[name] for name in PLAIN} | {"link": link if link["relation"] else None, "measures": None}


def _number(waybill: str) -> Number:
    issuer, _, number = waybill.partition(":")
    return issuer, number


def _own(scan: Scan) -> Number:
    return scan["issuer"], scan["tracking_number"]


def _far(scan: Scan) -> Number:
    return scan["link"]["issuer"], scan["link"]["tracking_number"]
