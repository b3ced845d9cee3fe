"""Admission: documents in, ScanEvents and dead letters out (design.md section 6, Admission).

Pure: no Kafka, no clock. A document that can't be read is one dead letter; of one that holds several scans
each bad scan is one, and the good ones go through. Whatever the bytes, nothing is raised.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from producers.canonical import CanonicalReader
from producers.documents import Document, open_document
from producers.fields import Bounds
from producers.mapping import Source
from producers.scans import Mapper, Scan
from producers.whole import WholeReader
from schemas.blobs import Longs
from schemas.dead_letter import KEPT_BYTES, SHARED_BYTES, Reason, Refusal, Whence, letter
from schemas.reference import Reference
from schemas.wire import Codec

__all__ = ["Admission", "Admitted", "AvroBatch", "Bounds", "Document"]


@dataclass(frozen=True)
class AvroBatch:
    """Messages of one network's topic, each one ScanEvent in Avro; `place`: partition and offset, asked of few."""

    network: str
    topic: str
    values: Sequence[bytes | None]
    received_at: Longs
    place: Callable[[int], tuple[int, int]]

    def document(self, at: int) -> Document:
        """One of them as a document of its own."""
        received_at = int(self.received_at[at])
        return Document(self.network, self.network, self.values[at] or b"", received_at, self.topic, *self.place(at))


@dataclass
class Admitted:
    """Rows of scan_event.avsc and of dead_letter.avsc, times in epoch ms; `counts`: (scans, letters) by document.

    `rows`: scans that went through as columns, each batch of one network.
    """

    scans: list[Scan] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)
    rows: list[pa.RecordBatch] = field(default_factory=list)


class Admission:
    """Reads documents of every source, against one set of reference data."""

    def __init__(self, reference: Reference, sources: Mapping[str, Source], bounds: Bounds) -> None:
        known = [s for s in sources.values() if s.network in reference.networks and not s.mapped.canonical]
        self._mappers = {s.network: (s.mapped.document, Mapper(s, reference, bounds)) for s in known}
        [canonical] = [s for s in sources.values() if s.mapped.canonical]
        self._canonical_format, self._canonical_shape = canonical.network, canonical.mapped.document
        self._canonical, self._whole = CanonicalReader(reference, bounds), WholeReader(reference, bounds)

    def admit(self, documents: Sequence[Document]) -> Admitted:
        """Admit a batch, in order."""
        admitted = Admitted()
        for document in documents:
            before = len(admitted.scans), len(admitted.letters)
            self._one(document, admitted)
            admitted.counts.append((len(admitted.scans) - before[0], len(admitted.letters) - before[1]))
        return admitted

    def admit_avro(self, batch: AvroBatch, codec: Codec, admitted: Admitted) -> None:
        """Add what a network published as ScanEvents in Avro."""
        taken = self._whole.read(batch.values, batch.received_at, batch.network, codec)
        admitted.rows.append(taken.rows)
        admitted.scans += taken.scans
        admitted.letters += [_letter(batch.document(at), why, -1) for at, why in taken.refused]

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
        kept = KEPT_BYTES
        for position, raw in enumerate(opened.scans):
            try:
                admitted.scans += mapper.scans(opened.whole, raw, document.received_at)
            except Refusal as refusal:
                admitted.letters.append(_letter(document, refusal, position, kept))
                kept = SHARED_BYTES  # a large document of many bad scans is kept once

    def _mismatch(self, document: Document) -> str:
        if document.format not in self._mappers:
            return f"no source reads {document.format[:24]!r} documents"
        return f"{document.format} published by way of {document.network}"


def _letter(document: Document, refusal: Refusal, position: int, kept: int = KEPT_BYTES) -> dict[str, Any]:
    """The dead letter of a document or of its scan at `position`."""
    whence = Whence(document.network, document.topic, document.partition, document.offset, document.received_at)
    return letter(whence, document.payload, refusal, position, kept)
