"""Reads a network's documents by its layout: envelope, scans, and of each scan its events."""

from collections.abc import Iterator
from hashlib import blake2b

from producers import details, parts
from producers.bounds import Bounds
from producers.document import Document
from producers.fields import Event, Field, Node, kind, parsed
from producers.layout import Layout
from producers.links import link
from producers.parts import Known, Part
from producers.sources import Activities
from schemas.dead_letter import Reason, Refusal
from schemas.records import SCAN_EVENT
from schemas.reference import Network, Reference

UNMAPPED = ("UNMAPPED",)


class LayoutReader:
    """Reads the documents of one network. `codes`: raw code to its activities."""

    def __init__(
        self, layout: Layout, codes: dict[str, Activities], network: Network, reference: Reference, bounds: Bounds
    ) -> None:
        self._layout, self._codes = layout, codes
        known = Known(network, reference, bounds)
        found = _parts(layout, known)
        self._envelope = [part.write for part in found if part.in_envelope]
        self._scan = [part.write for part in found if not part.in_envelope]
        self._json_text = known.at(layout.json_text) if layout.json_text else None
        self._scans, self._many = known.at(layout.scans.removesuffix("[]")), layout.scans.endswith("[]")
        self._blank: Event = dict.fromkeys(SCAN_EVENT.fields) | {
            "source": network.network,
            "source_kind": network.kind,
            "issuer": network.network,
            "operator": network.network,
            "tier": "UNKNOWN",
        }

    def read(self, document: Document) -> Iterator[list[Event] | Refusal]:
        """Per scan its events, or why it was refused; raises Refusal if the envelope is at fault."""
        whole = parsed(document.payload)
        if self._json_text:
            whole = _unfolded(self._json_text, whole)
        scans = self._found(whole)
        envelope = self._blank | {"received_at": document.received_at}
        if self._envelope:
            _write(self._envelope, _object(self._scans, whole), envelope)
        for position, scan in enumerate(scans, start=0 if self._many else -1):
            try:
                yield self._events(_object(self._scans, scan), envelope.copy())
            except Refusal as refusal:
                refusal.position = position
                yield refusal

    def _found(self, whole: object) -> list[object]:
        scans = self._scans.read(_object(Field("", 0), whole)) if self._scans.names else whole
        if not self._many:
            return [scans]
        if not isinstance(scans, list):
            raise self._scans.refusal(Reason.BAD_SHAPE, f"must be a list, not {kind(scans)}")
        if not scans:
            raise self._scans.refusal(Reason.BAD_SHAPE, "holds no scan")
        return scans

    def _events(self, scan: Node, event: Event) -> list[Event]:
        _write(self._scan, scan, event)
        event["event_id"] = event["event_id"] or _hashed(event)
        activities = self._codes.get(event["raw_code"], UNMAPPED)
        self._check_retraction(event, activities)
        if len(activities) == 1:
            event["activity"] = activities[0]
            return [event]
        return [_half(event, number, activity) for number, activity in enumerate(activities, start=1)]

    def _check_retraction(self, event: Event, activities: Activities) -> None:
        if "RETRACTED" not in activities:
            event["retracts"] = None
        elif event["retracts"] is None:
            raise Refusal(Reason.BAD_SHAPE, self._layout.retracts or self._layout.code, "names no scan to withdraw")


def _parts(layout: Layout, known: Known) -> list[Part]:
    """In the order they run: links need the code, and what is checked first gives a letter its reason."""
    builders = (
        parts.code, parts.waybill, parts.issuer, parts.time, parts.own_id, details.place, details.destination,
        details.service, details.consent, details.retracts, details.measures, link,
    )  # fmt: skip
    return [part for build in builders if (part := build(layout, known))]


def _write(writers: list[parts.Write], node: Node, event: Event) -> None:
    for write in writers:
        write(node, event)


def _object(field: Field, value: object) -> Node:
    if not isinstance(value, dict):
        raise field.refusal(Reason.BAD_SHAPE, f"must be an object, not {kind(value)}")
    return value


def _unfolded(field: Field, whole: object) -> Node:
    """The document with the JSON that stands as text at `field` in its place."""
    node = _object(Field("", 0), whole)
    text = field.read(node)
    if not isinstance(text, str):
        raise field.refusal(Reason.BAD_SHAPE, f"must be JSON as text, not {kind(text)}")
    return {**node, field.name: parsed(text, field.name)}


def _hashed(event: Event) -> str:
    """An id for a scan that has none: the same waybill, code, instant and place are the same scan."""
    named = (event[name] or "" for name in ("issuer", "tracking_number", "raw_code", "occurred_at", "facility_id"))
    return blake2b("\x1f".join(map(str, named)).encode(), digest_size=8).hexdigest()


def _half(event: Event, number: int, activity: str) -> Event:
    """One event of a combined scan. A link belongs to the one that is its relation."""
    link = event["link"]
    link = link if link and link["relation"] == activity else None
    return event | {"event_id": f"{event['event_id']}.{number}", "activity": activity, "link": link}
