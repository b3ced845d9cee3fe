"""The timeline job: one batch in, state joined, lifecycles derived, records to send. No Kafka, no Faust.

`app.py` puts it under Faust; the flow is the same on the embedded broker and on a cluster.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

from schemas import editions
from schemas.blobs import Blobs, Records
from schemas.contracts import Contracts
from schemas.dead_letter import Refusal, Whence, letter
from schemas.reference import Reference
from stream_jobs.identity import wire
from stream_jobs.identity.leaving import Departures, Recall, StoreBehind
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.reviewing import scanned_since
from stream_jobs.identity.state import Changes, Step, Timelines
from stream_jobs.lifecycle.evaluate import lifecycles
from stream_jobs.lifecycle.output import Names, rows
from stream_jobs.lifecycle.targets import Plan, plan
from stream_jobs.timeline.hashing import hash_words
from stream_jobs.timeline.pack import Packed, pack

LIMITS: Final = Limits()
LOOKED_AT_LEAST: Final = 64
LOOKED_AT_SHARE: Final = 16
"""One number in so many events is looked at, whether it may leave the state."""
Pairs = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Output:
    """What one batch sends: lifecycles by parcel, messages by waybill, state by key; and what was refused.

    `claims`: links taken in that count for nothing so far, since their network has to do with neither number.
    """

    lifecycles: Records = field(default_factory=lambda: Records.of([]))
    links: Records = field(default_factory=lambda: Records.of([]))
    changelog: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    refused: list[tuple[int, Refusal]] = field(default_factory=list)
    claims: int = 0


class Stored(NamedTuple):
    """Numbers that have left the state and were scanned since a day, and what the store has of them."""

    waybills: Sequence[bytes]
    scans: Packed


class TimelineJob:
    """Joins batches into partitions' state and says what to send.

    `recall`: reads stored scans back; without it nothing ever leaves the state.
    """

    editions: Mapping[bytes, int]
    """Those it judges by beside the first, by name, and since when (epoch ms) each holds."""

    def __init__(
        self,
        spoken: Contracts,
        reference: Reference,
        clock: Callable[[], int],
        limits: Limits = LIMITS,
        recall: Recall | None = None,
    ) -> None:
        self._spoken = spoken
        self._limits = limits
        self._recall = recall
        self._departures: WeakKeyDictionary[Timelines, Departures] = WeakKeyDictionary()
        self._clock = clock
        self._names = Names(hash_words(reference.networks))
        self.promise(reference)

    def promise(self, reference: Reference) -> None:
        """Judge by this reference data's targets from now on."""
        self._plan: Plan = plan(reference)
        self.editions = editions.changes(reference.editions)

    def new_state(self) -> Timelines:
        """An empty partition."""
        return Timelines(self._limits)

    def scans(self, state: Timelines, topic: str, values: Sequence[bytes | None]) -> Output:
        """A batch of ScanEvents of one topic."""
        decoded = self._spoken.scans[topic].decode(values)
        packed = pack(decoded.rows)
        self._bring_back(state, packed.keys)
        step = state.step(packed)
        beyond = [(int(decoded.good[row]), why) for row, why in step.refused]
        output = self._output(step, [*decoded.refused, *beyond])
        output.changelog.extend(self._leave(state, len(values)).items())
        return output

    def links(self, state: Timelines, records: Records) -> Output:
        """A batch of messages between waybills."""
        told, positions, refused = wire.decoded(records, self._spoken.links)
        self._bring_back(state, [waybill for waybill, _ in told])
        step = state.step(None, told)
        return self._output(step, [*refused, *((positions[at], why) for at, why in step.refused)])

    def _bring_back(self, state: Timelines, waybills: Iterable[bytes]) -> None:
        """Whoever has left and is spoken of now comes back first, out of the store."""
        wanted = self._departures_of(state).spoken_of(waybills)
        if wanted:
            if self._recall is None:
                raise StoreBehind(f"{len(wanted)} numbers have left the state, and no store to recall them from is set")
            self._departures_of(state).bring_back(wanted, self._stored(wanted))

    def _stored(self, waybills: Sequence[bytes]) -> Packed:
        columns = next(iter(self._spoken.scans.values())).columns
        found = self._recall(waybills) if self._recall and waybills else ()
        return pack(pa.RecordBatch.from_pylist(list(found), schema=columns))

    def again(self, state: Timelines, waybills: Sequence[bytes], since: int) -> Records:
        """Lifecycles of the parcels that these numbers name, judged anew: of those with a stage begun since (ms)."""
        return self._derived(state.again(scanned_since(state, waybills, since)), since)

    def stored(self, waybills: Sequence[bytes], since: int) -> Stored:
        """What `again_of` wants to know of numbers that have left; asks the store, so it may be slow, and fail.

        Touches no state: for a thread of its own. Without a store there is nothing of any of them.
        """
        asked = self._recall.since(waybills, since) if self._recall else waybills
        return Stored(asked, self._stored(asked))

    def again_of(self, state: Timelines, stored: Stored, since: int) -> tuple[Records, int]:
        """The same as `again` of numbers that have left and stay away; and of how many the store lacks scans."""
        away = [waybill for waybill in stored.waybills if waybill in state.left]
        scratch, whole = self._departures_of(state).as_left(away, stored.scans)
        return self._derived(scratch.again(whole), since), len(away) - len(whole)

    def _leave(self, state: Timelines, events: int) -> Changes:
        if self._recall is None:
            return {}
        return self._departures_of(state).leave(self._clock(), max(LOOKED_AT_LEAST, events // LOOKED_AT_SHARE))

    def _departures_of(self, state: Timelines) -> Departures:
        return self._departures.setdefault(state, Departures(state))

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
        told = wire.encoded(step.told, self._spoken.links)
        return Output(self._derived(step), told, list(step.changed.items()), refused, step.claims)

    def _derived(self, step: Step, since: int | None = None) -> Records:
        """All of them, or those with a stage begun at that instant or later."""
        if not step.parcels.count:
            return Records.of([])
        found = lifecycles(step.parcels, self._plan, self._clock())
        whole, ids = rows(found, step.identity, self._plan, self._names), pa.array(step.identity.ids, pa.binary())
        if since is not None:
            some = pa.array(np.unique(found.stages.parcel[found.stages.started >= since]))
            whole, ids = whole.take(some), ids.take(some)
        return Records(Blobs.of(ids), self._spoken.lifecycles.encode_blobs(whole))
