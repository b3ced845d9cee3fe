"""Parcels, stages, links and pieces by number: the views, over the rows that keys and indexes of the tables find."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from sinks.clickhouse.dialect import version_of
from sinks.clickhouse.narrowed import narrowed
from yizhan.desk import Desk, quoted

Row = dict[str, Any]
Pair = tuple[str, str]
Some = TypeVar("Some")
AT_ONCE: Final = 200
"""Numbers in one question: each is named several times in it, and servers bound the length of a question."""
NUMBERS: Final = "splitByChar(':', arrayStringConcat(waybills, ':'))"
"""As the index by_number has it: issuers and numbers of a parcel."""
OWN: Final = "(issuer, tracking_number)"
LINKED: Final = "ifNull(link_issuer, '') AS linked_issuer, ifNull(link_tracking_number, '') AS linked_number"


class Numbers:
    """Answers of a desk about few numbers, at a cost that does not grow with what is stored."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        [told] = desk.rows("SELECT version() AS version")
        self._version = version_of(told["version"])

    def parcels(self, number: str) -> list[Row]:
        """Rows of `parcels` that ever travelled under the number."""
        ids = self._ids([split(number)[1]])
        return [row for row in self.parcels_of(ids) if any(is_number(number, waybill) for waybill in row["waybills"])]

    def parcels_of(self, ids: Sequence[str]) -> list[Row]:
        """Rows of `parcels` with these ids."""
        return self._of_parcels("parcels", ids)

    def stages(self, ids: Sequence[str]) -> list[Row]:
        """Rows of `parcel_stages` of these parcels, in order."""
        return sorted(self._of_parcels("parcel_stages", ids), key=lambda row: (row["parcel_id"], row["started_at"]))

    def links(self, waybills: Sequence[str]) -> list[Row]:
        """Rows of `parcel_links` that name one of the waybills at either end, in order."""
        wanted = {*waybills}
        pairs = sorted({pair for some in _parts(waybills) for pair in self._pairs(some) if wanted & {*pair}})
        found = [row for some in _parts(pairs) for row in self._links(some)]
        return sorted(found, key=lambda row: (row["occurred_at"], row["waybill"], row["source"], row["event_id"]))

    def pieces(self, numbers: Sequence[str]) -> dict[str, str]:
        """The order's number by the parcel_id of each piece, of those numbers that are an order's."""
        naming = f"link_tracking_number IN ({listed({split(number)[1] for number in numbers})})"
        naming += " AND ifNull(link_relation, '') = 'PIECE_OF'"
        named = self._desk.rows(
            f"SELECT DISTINCT tracking_number, link_tracking_number FROM stored_scans WHERE {naming}"
        )
        ids = self._ids(sorted({number for row in named for number in row.values()}))
        if not ids:
            return {}
        ends = f"SELECT issuer, tracking_number FROM stored_scans WHERE {naming}"
        mothers = f"SELECT {LINKED} FROM stored_scans WHERE {naming}"
        few = {"stored_parcels": _of(ids), "stored_scans": f"{OWN} IN ({ends}) OR {OWN} IN ({mothers})"}
        rows = self._ask("SELECT order_number, parcel_id FROM", "order_pieces", few)
        return {
            row["parcel_id"]: row["order_number"]
            for row in sorted(rows, key=lambda row: str(row["order_number"]))
            if any(is_number(number, row["order_number"]) for number in numbers)
        }

    def _ids(self, numbers: Sequence[str]) -> list[str]:
        """Parcels of which a record has one of the numbers, of any issuer."""
        found = (
            self._desk.rows(f"SELECT DISTINCT parcel_id FROM stored_parcels WHERE hasAny({NUMBERS}, [{listed(some)}])")
            for some in _parts(numbers)
        )
        return sorted({row["parcel_id"] for rows in found for row in rows})

    def _of_parcels(self, view: str, ids: Sequence[str]) -> list[Row]:
        return [row for some in _parts(ids) for row in self._ask("SELECT * FROM", view, {"stored_parcels": _of(some)})]

    def _pairs(self, waybills: Sequence[str]) -> Iterator[Pair]:
        """Both ends of links that name one of the waybills."""
        own, named = _numbers(waybills), listed({split(waybill)[1] for waybill in waybills})
        select = f"SELECT DISTINCT issuer, tracking_number, {LINKED} FROM stored_scans WHERE isNotNull(link_relation)"
        sql = f"{select} AND {OWN} IN ({own}) UNION ALL {select} AND link_tracking_number IN ({named})"
        for row in self._desk.rows(sql):
            issuer, number, linked_issuer, linked_number = row.values()
            yield f"{issuer}:{number}", f"{linked_issuer}:{linked_number}"

    def _links(self, pairs: Sequence[Pair]) -> list[Row]:
        """Whether a link counts is said by all scans of both its ends."""
        few = {"stored_scans": f"{OWN} IN ({_numbers({end for pair in pairs for end in pair})})"}
        some = ", ".join(f"({listed(pair)})" for pair in pairs)
        return self._ask("SELECT * FROM", "parcel_links", few, f"WHERE (waybill, linked_waybill) IN ({some})")

    def _ask(self, select: str, view: str, few: Mapping[str, str], where: str = "") -> list[Row]:
        return self._desk.rows(f"{select} {narrowed(view, few, self._version)} {where}")


def split(number: str) -> tuple[str, str]:
    """Issuer, empty if none is given, and number, as numbers are kept: upper case, no blanks."""
    issuer, colon, rest = number.partition(":")
    return (issuer, _normal(rest)) if colon else ("", _normal(number))


def is_number(number: str, waybill: str) -> bool:
    """Whether a waybill is this number, of any issuer if none is given."""
    issuer, bare = split(number)
    return waybill == f"{issuer}:{bare}" if issuer else waybill.partition(":")[2] == bare


def listed(words: Iterable[str]) -> str:
    """Literals with commas between."""
    return ", ".join(map(quoted, words))


def _normal(number: str) -> str:
    return number.upper().replace(" ", "")


def _of(ids: Iterable[str]) -> str:
    return f"parcel_id IN ({listed(ids)})"


def _numbers(waybills: Iterable[str]) -> str:
    return ", ".join(f"({listed(split(waybill))})" for waybill in sorted(waybills))


def _parts(words: Sequence[Some]) -> Iterator[Sequence[Some]]:
    return (words[at : at + AT_ONCE] for at in range(0, len(words), AT_ONCE))
