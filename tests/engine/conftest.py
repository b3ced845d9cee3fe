"""One in-process broker for all tests of the engine; every test has topics of its own."""

from collections.abc import Iterator

import pytest

from tests.engine.broker import Broker
from tests.engine.job import Job


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    with Broker() as started:
        yield started


@pytest.fixture
def job(broker: Broker, request: pytest.FixtureRequest) -> Job:
    """A job with topics named after the test."""
    return Job(broker, request.node.name.replace("_", "-")[:60])
