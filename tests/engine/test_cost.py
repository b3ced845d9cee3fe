"""What an event costs, held against a yardstick measured beside it in the same process: CPU, never the wall's time."""

import json
from typing import Final

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from benchmarks.cost import BATCH, Fetch, Worker, cost, fetches
from benchmarks.stream import stream

KNOWN: Final = 640
"""Millionths of a yardstick an event, when this was written: four runs gave 617 to 706."""
ALLOWED: Final = 1.5
"""What another processor, or a busy one, may make of the ratio."""


@pytest.fixture(scope="module")
def batches() -> list[Fetch]:
    return list(fetches(stream(5 * BATCH, "plain")))


class ObjectPerEvent(Worker):
    """The planted slow-down: a small object and its text for each event, as a reader of single records makes them."""

    def __call__(self, fetch: Fetch) -> int:
        """The job's own work after it."""
        for data in fetch:
            for record in DefaultRecordBatch(data):
                json.dumps({"topic": "scans", "value": list(record.value[:24])})
        return super().__call__(fetch)


def test_an_event_costs_no_more_than_it_did(batches: list[Fetch]) -> None:
    assert cost(Worker(), batches).yardsticks < KNOWN * ALLOWED


def test_an_object_for_each_event_is_noticed(batches: list[Fetch]) -> None:
    assert cost(ObjectPerEvent(), batches).yardsticks > KNOWN * ALLOWED
