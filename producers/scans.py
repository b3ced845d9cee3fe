"""One raw scan of a mapped network to one or two ScanEvents."""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final
from zoneinfo import ZoneInfo

from producers import fields
from producers.fields import Bounds
from producers.mapping import LinkRule, Place, Source, look
from schemas.dead_letter import Reason, Refusal
from schemas.reference import Facility, Reference
from schemas.vocabulary import SERVICES

REGION: Final = re.compile(r"\d{12}", re.ASCII)
Scan = dict[str, Any]


class Mapper:
    """Reads the raw scans of one source."""

    def __init__(self, source: Source, reference: Reference, bounds: Bounds) -> None:
        if source.mapped.fields is None:
            raise ValueError(f"{source.folder}: no fields are mapped")
        self._mapped, self._codes, self._fields = source.mapped, source.codes, source.mapped.fields
        self._network = reference.networks[source.network]
        self._zone = ZoneInfo(self._network.time_zone)
        self._by_code, self._by_name = reference.network_by_code(), reference.facility_by_name()
        self._facilities, self._bounds = reference.facilities, bounds

    def envelope(self, document: object) -> None:
        """Check what the document says of all its scans, so that a fault there is one refusal."""
        if self._fields.issuer.where == "document":
            self._issuer(document, None)
        if self._fields.number.where == "document":
            self._number(document, None)

    def scans(self, document: object, raw: object, received_at: int) -> list[Scan]:
        """ScanEvents of one raw scan; raises Refusal."""
        if not isinstance(raw, dict):
            raise Refusal(Reason.BAD_SHAPE, "", "a scan is expected to be an object")
        mapped = self._fields
        number, issuer = self._number(document, raw), self._issuer(document, raw)
        code = self._code(document, raw)
        told = mapped.time.find(document, raw)
        at, basis = fields.instant(told, mapped.time.text, self._zone, received_at, self._bounds)
        place = self._place(document, raw)
        scan = {
            "event_id": self._event_id(document, raw, (issuer, number, code, at, place["facility_id"])),
            "source": self._network.network,
            "source_kind": self._network.kind,
            "issuer": issuer,
            "tracking_number": number,
            "reason": None,
            "occurred_at": at,
            "time_basis": basis,
            "received_at": received_at,
            **place,
            **self._extras(document, raw),
            "raw_code": code,
        }
        activities = self._codes.get(code, ("UNMAPPED",))
        if "RETRACTED" in activities:
            fields.identity(scan["retracts"], mapped.retracts.text if mapped.retracts else "retracts")
        return _events(scan, activities, self._link(document, raw, code))

    def _number(self, document: object, raw: object) -> str:
        origin = self._fields.number
        return fields.waybill(origin.find(document, raw), origin.text, as_int=self._mapped.number_as_int)

    def _issuer(self, document: object, raw: object) -> str:
        origin = self._fields.issuer
        return fields.network(origin.find(document, raw), origin, self._by_code)

    def _code(self, document: object, raw: object) -> str:
        """The raw code, joined with the field that it needs to be told apart."""
        code = fields.code(self._fields.code.find(document, raw), self._fields.code.text)
        needs = self._mapped.code_needs.get(code)
        return code if needs is None else f"{code}:{fields.code(look(raw, (needs,)), needs)}"

    def _event_id(self, document: object, raw: object, told: Sequence[object]) -> str:
        origin = self._fields.event_id
        if origin is not None:
            return fields.identity(origin.find(document, raw), origin.text)
        return blake2b("\x1f".join(map(str, told)).encode(), digest_size=8).hexdigest()

    def _place(self, document: object, raw: object) -> Scan:
        """The facility by id, else by name; else the place's own name, tier UNKNOWN."""
        place = self._mapped.place
        told_id = fields.optional_text(place.id.find(document, raw)) if place.id else None
        told_name = fields.optional_text(_within(place, place.name.find(document, raw))) if place.name else None
        facility = self._facilities.get(told_id or "") or self._by_name.get(told_name or "")
        if facility is None:
            return {"facility_id": told_name or told_id, "tier": "UNKNOWN", "region": None}
        return _at(facility)

    def _extras(self, document: object, raw: Mapping[str, object]) -> Scan:
        told = {name: self._told(name, document, raw) for name in ("destination", "service", "consent")}
        measures = {name: fields.measure(raw.get(key)) for name, key in self._mapped.measures.items()}
        return {
            "destination_region": self._region(told["destination"]),
            "service": self._service(told["service"]),
            "operator": self._operator(document, raw),
            "vehicle": None,
            "worker": None,
            "link": None,
            "retracts": self._retracts(document, raw),
            "consent": self._mapped.consents.get(told["consent"] or ""),
            "measures": {name: told for name, told in measures.items() if told} or None,
        }

    def _told(self, name: str, document: object, raw: object) -> str | None:
        origin = getattr(self._fields, name)
        return fields.optional_text(origin.find(document, raw)) if origin else None

    def _retracts(self, document: object, raw: object) -> str | None:
        origin = self._fields.retracts
        told = origin.find(document, raw) if origin else None
        return None if origin is None or told in (None, "") else fields.identity(told, origin.text)

    def _service(self, told: str | None) -> str | None:
        if told is not None and told not in SERVICES:
            field = self._fields.service.text if self._fields.service else ""
            raise Refusal(Reason.BAD_SHAPE, field, f"{told[:24]!r} is none of {', '.join(SERVICES)}")
        return told

    def _region(self, told: str | None) -> str | None:
        region = (told or "").removeprefix(self._mapped.strip_destination)
        return region if REGION.fullmatch(region) else None

    def _operator(self, document: object, raw: object) -> str:
        origin = self._fields.operator
        return fields.network(origin.find(document, raw), origin, self._by_code) if origin else self._network.network

    def _link(self, document: object, raw: object, code: str) -> Scan | None:
        for rule in self._mapped.links:
            told = rule.number.find(document, raw) if code in rule.codes else None
            if told is not None and (rule.contains is None or rule.contains in str(told)):
                return self._linked(rule, document, raw, told, code)
        return None

    def _linked(self, rule: LinkRule, document: object, raw: object, told: object, code: str) -> Scan | None:
        if rule.pattern is not None:
            found = rule.pattern.search(str(told)[: fields.SEARCHED])
            if found is None:
                return None
            told = found[1]
        return {
            "issuer": fields.network(rule.issuer.find(document, raw), rule.issuer, self._by_code),
            "tracking_number": fields.waybill(told, rule.number.text, as_int=self._mapped.number_as_int),
            "relation": rule.relation,
            "evidence": f"{self._network.network}:{code}",
        }


def _at(facility: Facility) -> Scan:
    return {"facility_id": facility.facility_id, "tier": facility.tier, "region": facility.region}


def _within(place: Place, told: object) -> object:
    """The name, of a longer text only what the place's pattern finds near its beginning."""
    if place.pattern is None or not isinstance(told, str):
        return told
    found = place.pattern.search(told[: fields.SEARCHED])
    return found[1] if found else None


def _events(scan: Scan, activities: tuple[str, ...], link: Scan | None) -> list[Scan]:
    """One event, or the two of a combined scan: then only the hand-over carries the link."""
    if len(activities) == 1:
        return [scan | {"activity": activities[0], "link": link}]
    return [
        scan
        | {
            "event_id": f"{scan['event_id']}.{half}",
            "activity": activity,
            "link": link if activity == "HANDED_OVER" else None,
        }
        for half, activity in enumerate(activities, start=1)
    ]
