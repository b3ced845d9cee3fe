"""Reads documents that already are ScanEvents: every field by its type and its closed list."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Final

from producers.bounds import Bounds
from producers.details import REGION
from producers.document import Document
from producers.fields import Event, Field, Node, kind, parsed, shown
from producers.normal import Numbers, Times
from schemas.dead_letter import Reason, Refusal
from schemas.records import SCAN_EVENT
from schemas.reference import Reference
from schemas.vocabulary import ACTIVITIES, CONSENTS, RELATIONS, SERVICES, SOURCE_KINDS, TIERS, TIME_BASES

Take = Callable[[Node], object]
"""The value of one field, or a Refusal that names it."""

LINK: Final = ("issuer", "tracking_number", "relation", "evidence")


class ScanEventReader:
    """Reads ScanEvents of any known network. `received_at` is the document's, whatever it says itself."""

    def __init__(self, reference: Reference, bounds: Bounds) -> None:
        self._kinds = {name: network.kind for name, network in reference.networks.items()}
        self._at: Callable[[str], Field] = partial(Field, longest=bounds.text)
        self._numbers, self._times = Numbers(bounds), Times(bounds)
        self._checks = self._by_field()

    def read(self, document: Document) -> Iterator[list[Event] | Refusal]:
        """The one event; raises Refusal."""
        node = parsed(document.payload)
        if not isinstance(node, dict):
            raise Refusal(Reason.BAD_SHAPE, "", f"must be an object, not {kind(node)}")
        _only(SCAN_EVENT.fields, node, "")
        event = {name: take(node) for name, take in self._checks.items()}
        self._check_source(event, document.network)
        self._times.check(self._at("occurred_at"), event["occurred_at"], document.received_at)
        yield [event | {"received_at": document.received_at}]

    def _by_field(self) -> Mapping[str, Take]:
        """In the order of the schema; a test holds it against that."""
        text, word, at = self._text, self._word, self._at
        return {
            "event_id": at("event_id").required,
            "source": at("source").required,
            "source_kind": word("source_kind", SOURCE_KINDS),
            "issuer": self._network("issuer"),
            "tracking_number": partial(self._numbers.take, at("tracking_number")),
            "activity": word("activity", ACTIVITIES),
            "reason": text("reason"),
            "occurred_at": partial(_instant, at("occurred_at")),
            "time_basis": word("time_basis", TIME_BASES),
            "received_at": partial(_optional, partial(_instant, at("received_at")), at("received_at")),
            "facility_id": text("facility_id"),
            "tier": word("tier", TIERS),
            "region": self._region("region"),
            "destination_region": self._region("destination_region"),
            "service": self._optional_word("service", SERVICES),
            "operator": self._optional_network("operator"),
            "vehicle": text("vehicle"),
            "worker": text("worker"),
            "link": self._link,
            "retracts": self._retracts,
            "consent": self._optional_word("consent", CONSENTS),
            "measures": self._measures,
            "raw_code": at("raw_code").required,
        }
