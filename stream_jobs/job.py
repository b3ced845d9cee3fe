"""The timeline job: one batch in, state joined, lifecycles derived, records to send. No Kafka, no Faust.

`app.py` puts it under Faust; the flow is the same on the embedded broker and on a cluster.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.contracts import Contracts
from schemas.dead_letter import Refusal, Whence, letter
from schemas.reference import Reference
from schemas.wire import Codec
from stream_jobs.identity.facts import Fact
from stream_jobs.identity.knowledge import Told
from stream_jobs.identity.state import Step, Timelines
from stream_jobs.lifecycle.evaluate import lifecycles
from stream_jobs.lifecycle.output import Names, rows
from stream_jobs.lifecycle.targets import Plan, plan
from stream_jobs.timeline.hashing import hash_words
from stream_jobs.timeline.pack import pack

SIGNED: Final = 1 << 63
HALF: Final = 1 << 31
Pairs = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Output:
    """What one batch sends: lifecycles by parcel, messages by waybill, state by waybill; and what was refused."""

    lifecycles: Pairs = field(default_factory=list)
    links: Pairs = field(default_factory=list)
    changelog: Pairs = field(default_factory=list)
    refused: list[tuple[int, Refusal]] = field(default_factory=list)


class LinksTail:
    """parcel_links.avsc to and from bytes: a message on `parcels.links`, and the tail of a state value."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def encode(self, facts: Iterable[Fact], timelines: Mapping[bytes, bytes]) -> bytes:
        """Sorted, so that equal knowledge is equal bytes."""
        told = [_signed(fact) for fact in sorted(facts)]
        by_waybill = {waybill.decode(): timelines[waybill] for waybill in sorted(timelines)}
        return self._codec.encode([{"facts": told, "timelines": by_waybill}])[0]

    def decode(self, value: bytes) -> Told:
        """Raises Refusal for bytes that are no such record."""
        record = self._codec.decode_one(value)
        timelines = {waybill.encode(): scans for waybill, scans in record["timelines"].items()}
        return Told({_unsigned(fact) for fact in record["facts"]}, timelines)


def _signed(fact: Fact) -> dict[str, object]:
    """Avro has no unsigned numbers."""
    return fact._asdict() | {"id": fact.id - SIGNED, "ref": fact.ref - HALF}


def _unsigned(record: dict[str, object]) -> Fact:
    fact = Fact(**record)  # type: ignore[arg-type]  # the codec has checked the record's types
    return fact._replace(id=fact.id + SIGNED, ref=fact.ref + HALF)


class TimelineJob:
    """Joins batches into partitions' state and says what to send."""

    def __init__(self, spoken: Contracts, reference: Reference, clock: Callable[[], int]) -> None:
        self._spoken = spoken
        self._clock = clock
        self._plan: Plan = plan(reference)
        self._names = Names(hash_words(reference.networks))
        self.tail = LinksTail(spoken.links)

    def new_state(self) -> Timelines:
        """An empty partition."""
        return Timelines(self.tail)

    def scans(self, state: Timelines, topic: str, values: Sequence[bytes]) -> Output:
        """A batch of ScanEvents of one topic."""
        decoded = self._spoken.scans[topic].decode(values)
        return self._output(state.step(pack(decoded.rows)), decoded.refused)

    def links(self, state: Timelines, pairs: Sequence[tuple[bytes, bytes]]) -> Output:
        """A batch of messages between waybills."""
        told: list[tuple[bytes, Told]] = []
        refused: list[tuple[int, Refusal]] = []
        for position, (waybill, value) in enumerate(pairs):
            try:
                told.append((waybill, self.tail.decode(value)))
            except Refusal as refusal:
                refused.append((position, refusal))
        return self._output(state.step(None, told), refused)

    def letters(
        self,
        topic: str,
        partition: int,
        offset_of: Callable[[int], int],
        values: Sequence[bytes | None],
        refused: Sequence[tuple[int, Refusal]],
    ) -> Pairs:
        """Dead letters of what a batch held that could not be read, with their keys."""
        source, now = topic.rpartition(".")[2], self._clock()
        found = [
            letter(Whence(source, topic, partition, offset_of(at), now), values[at] or b"", why, why.position)
            for at, why in refused
        ]
        encoded = self._spoken.letters.encode(found)
        return [(row["letter_id"].encode(), value) for row, value in zip(found, encoded, strict=True)]

    def _output(self, step: Step, refused: list[tuple[int, Refusal]]) -> Output:
        told = [(waybill, self.tail.encode(m.facts, m.timelines)) for waybill, m in step.told]
        return Output(self._derived(step), told, list(step.changed.items()), refused)

    def _derived(self, step: Step) -> Pairs:
        if not step.parcels.count:
            return []
        found = lifecycles(step.parcels, self._plan, self._clock())
        values = self._spoken.lifecycles.encode_arrow(rows(found, step.identity, self._plan, self._names))
        return list(zip(step.identity.ids, values, strict=True))
