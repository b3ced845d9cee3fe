"""The states that all must end in, and the comparison."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.peers.life import Life, canonical, encoded, join
from benchmarks.peers.small_state import SmallState
from producers.whole import keys
from schemas.blobs import Blobs
from schemas.vocabulary import ACTIVITIES, TIERS
from stream_jobs.identity.state import Timelines
from stream_jobs.lifecycle.names import Names
from stream_jobs.timeline.hashing import hash_words
from stream_jobs.timeline.pack import pack
from stream_jobs.timeline.record import read

Lives = dict[bytes, bytes]
READ: Final = ("event_id", "activity", "tier", "occurred_at", "facility_id", "region")
REGION_DIGITS: Final = 12
SHOWN: Final = 200


class OtherState(RuntimeError):
    """A peer did not end in the state that the scans make."""

    def __init__(self, peer: str, key: bytes, found: bytes | None, expected: bytes | None, wrong: int) -> None:
        super().__init__(peer, key, found, expected, wrong)
        self.peer, self.key, self.found, self.expected, self.wrong = peer, key, found, expected, wrong

    def __str__(self) -> str:
        return (
            f"{self.peer}: {self.wrong} keys end in another state, the first is {self.key.decode(errors='replace')}: "
            f"found {_shown(self.found)}, expected {_shown(self.expected)}"
        )


def _shown(value: bytes | None) -> str:
    return "none" if value is None else value.hex()[:SHOWN]


def compare(peer: str, found: Mapping[bytes, bytes], expected: Mapping[bytes, bytes]) -> int:
    """How many keys were compared; `OtherState`."""
    wrong = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
    if wrong:
        raise OtherState(peer, wrong[0], found.get(wrong[0]), expected.get(wrong[0]), len(wrong))
    if not expected:
        raise ValueError("nothing to compare with")
    return len(expected)


def oracle(scans: pa.RecordBatch) -> Lives:
    """The states, from nothing but the scans and plain Python."""
    lives: dict[bytes, Life] = {}
    times = scans.set_column(scans.schema.get_field_index("occurred_at"), "occurred_at", _milliseconds(scans))
    columns = [times[name].to_pylist() for name in READ]
    for key, *values in zip(keys(scans).to_pylist(), *columns, strict=True):
        lives[key], _ = join(lives.get(key), dict(zip(READ, values, strict=True)))
    return {key: encoded(life) for key, life in lives.items() if life["ids"]}


def _milliseconds(scans: pa.RecordBatch) -> pa.Array:
    return scans["occurred_at"].cast(pa.int64())


def of_compiled(records: Mapping[bytes, bytes]) -> Lives:
    """Of those that write the canonical form but for the order of ids."""
    return {key: canonical(value) for key, value in records.items()}


def of_faust(records: Mapping[bytes, bytes]) -> Lives:
    """Faust writes keys and values as JSON."""
    return {orjson.loads(key).encode(): encoded(orjson.loads(value)) for key, value in records.items()}


def of_quix(records: Mapping[bytes, bytes]) -> Lives:
    """Quix writes JSON; its keys are the record's and the name of the value, with a bar between them."""
    return of_faust({key.rpartition(b"|")[0]: value for key, value in records.items()})


class Whole:
    """Of our whole job, whose changelog has every scan, packed: names come back from the scans it was given."""

    def __init__(self, scans: pa.RecordBatch) -> None:
        ids = pack(scans).rows["id"]
        self._ids, first = np.unique(ids, return_index=True)
        self._events = scans["event_id"].take(pa.array(first))
        self._facilities = Names(hash_words(pc.unique(scans["facility_id"]).drop_null().to_pylist()), None)

    def __call__(self, records: Mapping[bytes, bytes]) -> Lives:
        """The lives that the timelines of a changelog make; KeyError for a scan that was not among those given."""
        state, lives = Timelines(), SmallState()
        state.apply(records.items())
        waybills, rows = list(state.own), read(b"".join(state.own.values()))
        sizes = [len(timeline) // rows.itemsize for timeline in state.own.values()]
        owners = np.repeat(np.arange(len(waybills)), sizes)
        lives.join(Blobs.of(waybills).take(owners), self._scans(rows))
        written = lives.written(np.arange(len(lives)))
        return of_compiled({key: value or b"" for key, value in written})

    def _scans(self, rows: Any) -> pa.RecordBatch:  # noqa: ANN401  # rows of SCAN
        at = np.minimum(np.searchsorted(self._ids, rows["id"]), len(self._ids) - 1)
        if (self._ids[at] != rows["id"]).any():
            raise KeyError("the changelog has a scan that was not sent")
        regions = pc.utf8_lpad(pa.array(rows["region"]).cast(pa.string()), REGION_DIGITS, "0")
        columns = (
            self._events.take(pa.array(at)),
            pa.array(ACTIVITIES).take(pa.array(rows["act"])),
            pa.array(TIERS).take(pa.array(rows["tier"])),
            pa.array(rows["at"]),
            self._facilities.of(rows["fac"]),
            regions,
        )
        return pa.RecordBatch.from_arrays(list(columns), names=list(READ))
