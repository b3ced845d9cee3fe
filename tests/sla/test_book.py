"""Editions are kept alike in a file and on a topic: added to, read whole, the same for everybody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.contracts import contracts
from schemas.dead_letter import Refusal
from schemas.kafka import Outgoing, Sender
from schemas.reference import Reference, Target
from schemas.registry import register_all, registry
from schemas.targets import EVER
from schemas.topics import TARGETS
from tests.engine.broker import Broker
from yizhan.sla.book import Book, FileBook, TopicBook, recorded

DAY = Reference(targets=(Target("county", "STANDARD", "ANY", "24"),))
HALF = Reference(targets=(Target("county", "STANDARD", "ANY", "12", "sf", "2026-03-01"),), holidays=("2026-02-17",))


@pytest.fixture(params=["file", "topic"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Book:
    return FileBook(tmp_path) if request.param == "file" else request.getfixturevalue("topic_book")


@pytest.fixture
def topic_book() -> Iterator[TopicBook]:
    known = registry("mock://book")
    register_all(known)
    with Broker() as broker:
        broker.touch(TARGETS.name)
        yield TopicBook({"bootstrap.servers": broker.address, "log_level": 0}, contracts(known).targets)


def test_what_was_recorded_is_read_by_everybody_and_nothing_is_recorded_twice(book: Book) -> None:
    """An empty book, a first load, the same again, a change."""
    assert book.known() == ()
    first = recorded(book, DAY, "li").editions
    assert recorded(book, DAY, "wu").editions == first
    found = recorded(book, HALF, "wu").editions

    assert found == book.known()
    assert [(e.since == EVER, e.recorded_by, e.targets, e.holidays) for e in found] == [
        (True, "li", DAY.targets, ()),
        (False, "wu", HALF.targets, ("2026-02-17",)),
    ]


def test_a_topic_tells_its_editions_again_only_when_something_was_added(topic_book: TopicBook) -> None:
    """So that nobody reads it again and again; a record that is none is refused as often as it is asked."""
    assert [topic_book.news(), topic_book.news()] == [(), None]
    first = recorded(topic_book, DAY, "li").editions
    assert [topic_book.news(), topic_book.news()] == [first, None]
    Sender(topic_book.brokers).send([Outgoing(TARGETS.name, b"none", b"no edition")])
    for _ in range(2):
        with pytest.raises(Refusal):
            topic_book.news()
