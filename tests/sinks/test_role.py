"""The sink takes a batch in pieces: one is written while the next is decoded, and all are before it returns."""

import threading
from collections.abc import Iterable, Sequence

import pytest

from benchmarks.fetched import fetched
from schemas.contracts import Contracts, contracts
from schemas.log.batch import RecordBatch
from schemas.registry import register_all, registry
from schemas.topics import LIFECYCLE
from schemas.wire import Codec, Decoded
from sinks import role
from sinks.clickhouse.store import Rows, Store, StoreError
from sinks.clickhouse.writer import Kind, Writer
from sinks.role import SinkRole, Undecodable
from tests.sinks.records import parcel, stage, table
from tests.sinks.test_writer import StopsBefore, counted

SOON_S = 5.0


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> Contracts:
    """With room for one parcel in a piece."""
    register_all(registry("mock://pieces"))
    found = contracts(registry("mock://pieces"))
    monkeypatch.setattr(role, "BYTES_A_PIECE", len(values_of(found, 1)[0]) + 1)
    return found


def values_of(spoken: Contracts, many: int) -> list[bytes]:
    rows = table("parcel_lifecycle", [parcel(parcel_id=f"sf:{n}", stages=[stage()]) for n in range(many)])
    return spoken.lifecycles.encode_arrow(rows.combine_chunks().to_batches()[0])


def parcels(spoken: Contracts, many: int) -> list[RecordBatch]:
    """Of several stretches, as they come."""
    values = values_of(spoken, many)
    return [fetched(LIFECYCLE.name, values[:2]), fetched(LIFECYCLE.name, values[2:], first=2)]


def test_a_batch_goes_in_several_inserts_and_all_of_it_is_there(store: Store, spoken: Contracts) -> None:
    SinkRole(Writer(store), spoken).take(parcels(spoken, 5))
    assert counted(store)[1] == 5
    parts = "SELECT count() AS n FROM system.parts WHERE table = 'stored_parcels' AND level = 0"
    assert store.query(parts)["n"][0].as_py() > 1


def test_what_was_not_confirmed_is_raised_and_written_by_the_replay(store: Store, spoken: Contracts) -> None:
    """Whichever piece it was."""
    with pytest.raises(StoreError, match="stopped here"):
        SinkRole(Writer(StopsBefore(store, 2)), spoken).take(parcels(spoken, 5))
    SinkRole(Writer(store), spoken).take(parcels(spoken, 5))
    assert counted(store)[1] == 5


class Down(Writer):
    """Confirms nothing, and counts how often it was asked."""

    asked = 0

    def write(self, batches: Iterable[tuple[Kind, Rows]]) -> int:
        """Not."""
        del batches
        self.asked += 1
        raise StoreError("down")


def test_behind_a_piece_that_is_not_confirmed_none_is_tried(store: Store, spoken: Contracts) -> None:
    """Else each of them would be waited for as long as the first."""
    writer = Down(store)
    with pytest.raises(StoreError, match="down"):
        SinkRole(writer, spoken).take(parcels(spoken, 3))
    assert writer.asked == 1


def test_what_cannot_be_read_is_raised_though_pieces_before_it_are_written(store: Store, spoken: Contracts) -> None:
    *good, last = values_of(spoken, 3)
    with pytest.raises(Undecodable):
        SinkRole(Writer(store), spoken).take([fetched(LIFECYCLE.name, [*good, last[:-1]])])


class Waits(Writer):
    """Confirms a piece only when the next one is decoded."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.decoded = threading.Semaphore(0)

    def write(self, batches: Iterable[tuple[Kind, Rows]]) -> int:
        """Or never, if nobody decodes meanwhile."""
        assert self.decoded.acquire(timeout=SOON_S)
        return super().write(batches)


def test_the_next_piece_is_decoded_while_one_is_written(
    store: Store, spoken: Contracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, decode, let_go = Waits(store), Codec.decode, iter((0, 1, 2))

    def told(self: Codec, messages: Sequence[bytes | None]) -> Decoded:
        for _ in range(next(let_go)):  # behind the last one comes none: it lets two go
            writer.decoded.release()
        return decode(self, messages)

    monkeypatch.setattr(Codec, "decode", told)
    SinkRole(writer, spoken).take(parcels(spoken, 3))
    assert counted(store)[1] == 3
