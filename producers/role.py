"""Admission as a role: ingress topics in, `scans.*` and `scans.dead_letter` out, re-keyed by waybill.

Order: 1 admit, 2 send and wait for every acknowledgement, 3 commit the ingress offsets. A kill between
2 and 3 sends the same scans again: the same set.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from producers.admission import Admission, Admitted, Document
from schemas.contracts import Contracts
from schemas.kafka import Outgoing, Sender
from schemas.topics import DEAD_LETTER, SCANS

GROUP: Final = "yizhan-admission"
FORMAT: Final = "format"
"""Header: which source folder reads the document; the network's own where there is none."""
ARRIVED: Final = "arrived_at"
"""Header set by file import: epoch ms at which the document had come in."""
ARRIVED_AT: Final = re.compile(r"[0-9]{1,13}")
"""What else that header says is passed over: it must not stop a topic."""
Count = Callable[[Admitted], None]


class AdmissionRole:
    """Takes batches of documents from ingress topics. `count` sees what was admitted and sent."""

    def __init__(
        self, admission: Admission, spoken: Contracts, sender: Sender, networks: Mapping[str, str], count: Count
    ) -> None:
        self._admission, self._sender, self._count = admission, sender, count
        self._spoken = spoken
        self._networks = networks

    def take(self, messages: Sequence[Message]) -> None:
        """Admit, send, and return once the broker has it all."""
        admitted = self._admission.admit([self._document(message) for message in messages])
        self._sender.send([*self._scan_records(admitted.scans), *self._letter_records(admitted.letters)])
        self._count(admitted)

    def _document(self, message: Message) -> Document:
        topic = str(message.topic())
        network = self._networks[topic]
        headers = _headers(message)
        return Document(
            network=network,
            format=headers.get(FORMAT, network),
            payload=message.value() or b"",
            received_at=_arrived(message, headers),
            topic=topic,
            partition=int(message.partition() or 0),
            offset=int(message.offset() or 0),
        )

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


def _headers(message: Message) -> dict[str, str]:
    found = dict(message.headers() or ())
    return {name: value.decode(errors="replace") for name, value in found.items() if isinstance(value, bytes)}


def _arrived(message: Message, headers: Mapping[str, str]) -> int:
    if ARRIVED_AT.fullmatch(told := headers.get(ARRIVED, "")):
        return int(told)
    kind, at = message.timestamp()
    return 0 if kind == TIMESTAMP_NOT_AVAILABLE else at
