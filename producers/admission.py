"""Admission: documents in, ScanEvents and dead letters out (design.md section 6, Admission).

Pure: no Kafka, no clock. A document that can't be read is one dead letter; of one that holds several scans
each bad scan is one, and the good ones go through. Whatever the bytes, nothing is raised.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from producers.canonical import CanonicalReader
from producers.documents import Document, open_document
from producers.fields import Bounds
from producers.mapping import Source
from producers.scans import Mapper, Scan
from schemas.dead_letter import Reason, Refusal, Whence, letter
from schemas.reference import Reference

__all__ = ["Admission", "Admitted", "Bounds", "Document"]


@dataclass
class Admitted:
    """Rows of scan_event.avsc and of dead_letter.avsc, times in epoch ms; `counts`: (scans, letters) by document."""

    scans: list[Scan] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)


class Admission:
    """Reads documents of every source, against one set of reference data."""

    def __init__(self, reference: Reference, sources: Mapping[str, Source], bounds: Bounds) -> None:
        known = [s for s in sources.values() if s.network in reference.networks and not s.mapped.canonical]
        self._mappers = {s.network: (s.mapped.document, Mapper(s, reference, bounds)) for s in known}
        [canonical] = [s for s in sources.values() if s.mapped.canonical]
        self._canonical_format, self._canonical_shape = canonical.network, canonical.mapped.document
        self._canonical = CanonicalReader(reference, bounds)

    def admit(self, documents: Sequence[Document]) -> Admitted:
        """Admit a batch, in order."""
        admitted = Admitted()
        for document in documents:
            before = len(admitted.scans), len(admitted.letters)
            self._one(document, admitted)
            admitted.counts.append((len(admitted.scans) - before[0], len(admitted.letters) - before[1]))
        return admitted

    def _one(self, document: Document, admitted: Admitted) -> None:
        try:
            if document.format == self._canonical_format:
                opened = open_document(document.payload, self._canonical_shape)
                scan = self._canonical.scan(opened.scans[0], document.network, document.received_at)
                admitted.scans.append(scan)
            else:
                self._mapped(document, admitted)
        except Refusal as refusal:
            admitted.letters.append(_letter(document, refusal, -1))

    def _mapped(self, document: Document, admitted: Admitted) -> None:
        if document.format != document.network or document.format not in self._mappers:
            raise Refusal(Reason.SOURCE_MISMATCH, "", self._mismatch(document))
        shape, mapper = self._mappers[document.format]
        opened = open_document(document.payload, shape)
        mapper.envelope(opened.whole)
        for position, raw in enumerate(opened.scans):
            try:
                admitted.scans += mapper.scans(opened.whole, raw, document.received_at)
            except Refusal as refusal:
                admitted.letters.append(_letter(document, refusal, position))

    def _mismatch(self, document: Document) -> str:
        if document.format not in self._mappers:
            return f"no source reads {document.format[:24]!r} documents"
        return f"{document.format} published by way of {document.network}"


def _letter(document: Document, refusal: Refusal, position: int) -> dict[str, Any]:
    """The dead letter of a document or of its scan at `position`."""
    whence = Whence(document.network, document.topic, document.partition, document.offset, document.received_at)
    return letter(whence, document.payload, refusal, position)
