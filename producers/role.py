"""Admission as a role: ingress topics in, `scans.*` and `scans.dead_letter` out, re-keyed by waybill.

Order: 1 admit, 2 send and wait for every acknowledgement, 3 commit the ingress offsets. A kill between
2 and 3 sends the same scans again: the same set.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from producers.admission import Admission, Admitted, AvroBatch, Document
from producers.whole import keys
from schemas.contracts import Contracts
from schemas.kafka import Bulk, Outgoing, Sender
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
AVRO: Final = b"\0"
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

    def take(self, messages: Sequence[Message]) -> None:
        """Admit, send, and return once the broker has it all."""
        avro: dict[str, list[Message]] = defaultdict(list)
        documents = []
        for message in messages:
            topic = str(message.topic())
            if topic in self._kinds and (message.value() or b"").startswith(AVRO):
                avro[topic].append(message)
            else:
                documents.append(self._document(message))
        admitted = self._admission.admit(documents)
        for topic, some in avro.items():
            codec = self._spoken.scans[self._kinds[topic]]
            self._admission.admit_avro(self._batch(topic, some), codec, admitted)
        records = [*self._scan_records(admitted.scans), *self._letter_records(admitted.letters)]
        self._sender.send(records, [bulk_of(rows, self._spoken) for rows in admitted.rows if len(rows)])
        self._count(admitted)

    def _batch(self, topic: str, messages: Sequence[Message]) -> AvroBatch:
        stamps = map(Message.timestamp, messages)
        received_at = np.array([0 if kind == TIMESTAMP_NOT_AVAILABLE else at for kind, at in stamps], np.int64)
        values: list[bytes] = list(map(Message.value, messages))  # type: ignore[arg-type]  # each begins with AVRO
        return AvroBatch(self._networks[topic], topic, values, received_at, lambda at: _place(messages[at]))

    def _document(self, message: Message) -> Document:
        topic = str(message.topic())
        headers = _headers(message)
        imported = topic == IMPORTS.name
        network = self._named(headers) if imported else self._networks[topic]
        return Document(
            network=network,
            format=headers.get(FORMAT, network),
            payload=message.value() or b"",
            received_at=_arrived(message, headers if imported else {}),
            topic=topic,
            partition=_place(message)[0],
            offset=_place(message)[1],
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
    return Bulk(topic, keys(rows).to_pylist(), spoken.scans[topic].encode_arrow(rows))


def import_record(network: str, format_: str, payload: bytes, arrived_at: int | None) -> Outgoing:
    """A document from a file, as an operator brings it in."""
    told: dict[str, str] = {NETWORK: network, FORMAT: format_}
    told |= {} if arrived_at is None else {ARRIVED: str(arrived_at)}
    return Outgoing(IMPORTS.name, None, payload, tuple((name, value.encode()) for name, value in told.items()))


def _headers(message: Message) -> dict[str, str]:
    found = dict(message.headers() or ())
    return {name: value.decode(errors="replace") for name, value in found.items() if isinstance(value, bytes)}


def _place(message: Message) -> tuple[int, int]:
    return int(message.partition() or 0), int(message.offset() or 0)


def _arrived(message: Message, headers: Mapping[str, str]) -> int:
    if ARRIVED_AT.fullmatch(told := headers.get(ARRIVED, "")):
        return int(told)
    kind, at = message.timestamp()
    return 0 if kind == TIMESTAMP_NOT_AVAILABLE else at
