"""Admission as a role: ingress topics in, `scans.*` and `scans.dead_letter` out, re-keyed by waybill.

Order: 1 admit, 2 send and wait for every acknowledgement, 3 commit the ingress offsets. A kill between
2 and 3 sends the same scans again: the same set.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from producers.admission import Admission, Admitted, AvroBatch, Document
from producers.whole import Marks, keys
from schemas.blobs import Blobs, Longs, Records
from schemas.contracts import Contracts
from schemas.kafka import Bulk, Outgoing, Sender
from schemas.log.batch import RecordBatch
from schemas.topics import DEAD_LETTER, IMPORTS, SCANS

GROUP: Final = "yizhan-admission"
FORMAT: Final = "format"
"""Header: which source folder reads the document; the network's own where there is none. A record that begins with a
zero byte, as no JSON does, is a ScanEvent in Avro, under an id of `scans.*`, whatever a header says."""
NETWORK: Final = "network"
"""Header set by file import: whose document it is. Believed on IMPORTS alone, where only operators write."""
ARRIVED: Final = "arrived_at"
"""Header set by file import, likewise: epoch ms at which the document had come in."""
NOBODYS: Final = "unknown"
"""Whose document it is if it names no network we know; the name of no network."""
AVRO: Final = 0
"""The first byte of whatever has a schema id."""
ARRIVED_AT: Final = re.compile(r"[0-9]{1,13}")
"""What else that header says is passed over: it must not stop a topic."""
Count = Callable[[Admitted], None]


class AdmissionRole:
    """Takes batches of documents from ingress topics and IMPORTS. `networks`: ingress topic to network.

    `count` sees what was admitted and sent.
    """

    def __init__(
        self, admission: Admission, spoken: Contracts, sender: Sender, networks: Mapping[str, str], count: Count
    ) -> None:
        self._admission, self._sender, self._count = admission, sender, count
        self._spoken = spoken
        self._kinds = {topic: SCANS[topic.split(".")[1].upper()].name for topic in networks}
        self._networks, self._known = networks, frozenset(networks.values())

    def take(self, batches: Sequence[RecordBatch]) -> None:
        """Admit, send, and return once the broker has it all."""
        avro = [_avro(batch) if batch.topic in self._kinds else np.zeros(len(batch), np.bool_) for batch in batches]
        pairs = list(zip(batches, avro, strict=True))
        admitted = self._admission.admit(
            [self._document(batch, at) for batch, known in pairs for at in np.flatnonzero(~known).tolist()]
        )
        for batch, known in pairs:
            if known.any():
                codec = self._spoken.scans[self._kinds[batch.topic]]
                self._admission.admit_avro(self._batch(batch, np.flatnonzero(known)), codec, admitted)
        records = [*self._scan_records(admitted.scans), *self._letter_records(admitted.letters)]
        self._sender.send(records, [bulk_of(rows, self._spoken) for rows in admitted.rows if len(rows)])
        self._count(admitted)

    def _batch(self, batch: RecordBatch, at: Longs) -> AvroBatch:
        return AvroBatch(
            self._networks[batch.topic],
            batch.topic,
            Blobs.of(batch.values).take(at),
            np.maximum(np.asarray(batch.stamps)[at], 0),
            lambda row: (batch.partition, batch.offset(int(at[row]))),
        )

    def _document(self, batch: RecordBatch, at: int) -> Document:
        told = {name: (value or b"").decode(errors="replace") for name, value in batch.headers(at).items()}
        imported = batch.topic == IMPORTS.name
        network = self._named(told) if imported else self._networks[batch.topic]
        return Document(
            network=network,
            format=told.get(FORMAT, network),
            payload=batch.values[at] or b"",
            received_at=_arrived(int(batch.stamps[at]), told if imported else {}),
            topic=batch.topic,
            partition=batch.partition,
            offset=batch.offset(at),
        )

    def _named(self, headers: Mapping[str, str]) -> str:
        named = headers.get(NETWORK, "")
        return named if named in self._known else NOBODYS

    def _scan_records(self, scans: Sequence[dict[str, Any]]) -> list[Outgoing]:
        return scan_records(scans, self._spoken)

    def _letter_records(self, letters: Sequence[dict[str, Any]]) -> list[Outgoing]:
        values = self._spoken.letters.encode(letters)
        return [
            Outgoing(DEAD_LETTER.name, None, value, (("reason", letter["reason"].encode()),))
            for letter, value in zip(letters, values, strict=True)
        ]


def scan_records(scans: Sequence[dict[str, Any]], spoken: Contracts) -> list[Outgoing]:
    """ScanEvents as records, each to its kind's topic, keyed by waybill."""
    records: list[Outgoing] = []
    for kind, topic in SCANS.items():
        some = [scan for scan in scans if scan["source_kind"] == kind]
        values = spoken.scans[topic.name].encode(some)
        keys = (f"{scan['issuer']}:{scan['tracking_number']}".encode() for scan in some)
        records += [Outgoing(topic.name, key, value) for key, value in zip(keys, values, strict=True)]
    return records


def bulk_of(rows: pa.RecordBatch, spoken: Contracts) -> Bulk:
    """ScanEvents of one network as records, keyed by waybill."""
    topic = SCANS[rows["source_kind"][0].as_py()].name
    return Bulk(topic, Records(Blobs.of(keys(rows)), spoken.scans[topic].encode_blobs(rows)))


def import_record(network: str, format_: str, payload: bytes, arrived_at: int | None) -> Outgoing:
    """A document from a file, as an operator brings it in."""
    told: dict[str, str] = {NETWORK: network, FORMAT: format_}
    told |= {} if arrived_at is None else {ARRIVED: str(arrived_at)}
    return Outgoing(IMPORTS.name, None, payload, tuple((name, value.encode()) for name, value in told.items()))


def _avro(batch: RecordBatch) -> Marks:
    """Which values begin as Avro does."""
    values = Blobs.of(batch.values)
    found = values.sizes > 0
    found[found] = values.data[values.starts[found]] == AVRO
    return found


def _arrived(stamp: int, headers: Mapping[str, str]) -> int:
    """What an import says; else what the broker says, 0 where it says nothing."""
    told = headers.get(ARRIVED, "")
    return int(told) if ARRIVED_AT.fullmatch(told) else max(stamp, 0)
