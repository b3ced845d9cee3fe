"""ScanEvents as JSON: each field held against its type and its closed list."""

from collections.abc import Mapping
from typing import Final

from producers import fields
from producers.fields import Bounds
from producers.scans import REGION, Scan
from schemas.dead_letter import Reason, Refusal
from schemas.records import SCAN_EVENT
from schemas.reference import Reference
from schemas.vocabulary import ACTIVITIES, CONSENTS, RELATIONS, SERVICES, TIERS, TIME_BASES

CLOSED: Final[Mapping[str, tuple[str, ...]]] = {
    "activity": ACTIVITIES,
    "tier": TIERS,
    "time_basis": TIME_BASES,
    "service": SERVICES,
    "consent": CONSENTS,
}
OPTIONAL: Final = frozenset(f["name"] for f in SCAN_EVENT.schema["fields"] if isinstance(f["type"], list))
TEXTS: Final = ("reason", "facility_id", "vehicle", "worker")
MOST_MEASURES: Final = 32


class CanonicalReader:
    """Reads documents that are ScanEvents of the network they came by."""

    def __init__(self, reference: Reference, bounds: Bounds) -> None:
        self._networks, self._bounds = reference.networks, bounds

    def scan(self, told: Mapping[str, object], network: str, received_at: int) -> Scan:
        """The ScanEvent, checked; raises Refusal."""
        self._whose(told, network)
        if unknown := sorted(set(told) - set(SCAN_EVENT.fields)):
            raise Refusal(Reason.BAD_SHAPE, unknown[0][:60], "no such field in a ScanEvent")
        scan: Scan = {name: told.get(name) for name in SCAN_EVENT.fields}
        scan["tracking_number"] = fields.waybill(told.get("tracking_number"), "tracking_number")
        scan["event_id"] = fields.identity(told.get("event_id"), "event_id")
        scan["raw_code"] = fields.code(told.get("raw_code"), "raw_code")
        scan["received_at"] = received_at
        scan["source_kind"] = self._networks[network].kind
        scan["occurred_at"] = self._when(told, received_at)
        if scan["retracts"] is not None or scan["activity"] == "RETRACTED":
            scan["retracts"] = fields.identity(scan["retracts"], "retracts")
        _closed(scan)
        _regions(scan)
        _texts(scan)
        scan["measures"] = _measures(scan["measures"])
        scan["link"] = self._link(scan["link"])
        return scan

    def _whose(self, told: Mapping[str, object], network: str) -> None:
        source = told.get("source")
        if source != network or network not in self._networks:
            raise Refusal(Reason.SOURCE_MISMATCH, "source", f"{source!r} published by way of {network}"[:200])
        if told.get("operator") is not None:
            self._known(told["operator"], "operator")
        self._known(told.get("issuer"), "issuer")

    def _known(self, name: object, field: str) -> str:
        if not isinstance(name, str) or name not in self._networks:
            raise Refusal(Reason.UNKNOWN_ISSUER, field, f"{name!r} is no network of networks.csv"[:200])
        return name

    def _when(self, told: Mapping[str, object], received_at: int) -> int:
        at = told.get("occurred_at")
        if isinstance(at, bool) or not isinstance(at, int):
            raise Refusal(Reason.BAD_TIME, "occurred_at", f"epoch milliseconds are expected, found {at!r}"[:200])
        return fields.within(at, "occurred_at", received_at, self._bounds)

    def _link(self, told: object) -> Scan | None:
        if told is None:
            return None
        if not isinstance(told, dict) or told.get("relation") not in RELATIONS:
            raise Refusal(Reason.BAD_SHAPE, "link", f"issuer, tracking_number and one of {', '.join(RELATIONS)}")
        return {
            "issuer": self._known(told.get("issuer"), "link.issuer"),
            "tracking_number": fields.waybill(told.get("tracking_number"), "link.tracking_number"),
            "relation": told["relation"],
            "evidence": fields.evidence(told.get("evidence"), "link.evidence"),
        }


def _closed(scan: Scan) -> None:
    for name, words in CLOSED.items():
        value = scan[name]
        if not (value in words if isinstance(value, str) else value is None and name in OPTIONAL):
            raise Refusal(Reason.BAD_SHAPE, name, f"{value!r} is none of {', '.join(words)}"[:200])


def _regions(scan: Scan) -> None:
    for name in ("region", "destination_region"):
        value = scan[name]
        if value is not None and not (isinstance(value, str) and REGION.fullmatch(value)):
            raise Refusal(Reason.BAD_SHAPE, name, f"{value!r} has not 12 digits"[:200])


def _texts(scan: Scan) -> None:
    for name in TEXTS:
        value = scan[name]
        if value is not None and not (isinstance(value, str) and fields.plain(value)):
            raise Refusal(Reason.BAD_SHAPE, name, f"a text of at most {fields.LONGEST} characters is expected")


def _measures(told: object) -> dict[str, str] | None:
    if told is None:
        return None
    measures: dict[str, str] = {}
    for name, value in told.items() if isinstance(told, dict) and len(told) <= MOST_MEASURES else [("", None)]:
        text = fields.measure(value)
        if text is None or not fields.plain(name):
            expected = f"up to {MOST_MEASURES} names with one text or number each are expected"
            raise Refusal(Reason.BAD_SHAPE, "measures", expected)
        measures[name] = text
    return measures or None
