"""Both stores, empty or migrated; a test that takes `store` runs on each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from sinks.clickhouse import migrate
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.server import ServerSettings, ServerStore
from sinks.clickhouse.store import Store
from tests.sinks.clickhouse_server import server

_numbers = count(1)


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerSettings]:
    with server(tmp_path_factory.mktemp("clickhouse")) as settings:
        yield settings


@pytest.fixture(params=["chdb", "server"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "chdb":
        store: Store = ChdbStore(tmp_path / "data")
        yield store
        store.close()
    else:
        with _database(request.getfixturevalue("running_server")) as store:
            yield store


@contextmanager
def _database(settings: ServerSettings) -> Iterator[Store]:
    # A database of its own leaves no trace for the next test.
    name = f"test_{next(_numbers)}"
    outside = ServerStore(settings)
    outside.command(f"CREATE DATABASE {name}")
    store = ServerStore(replace(settings, database=name))
    yield store
    store.close()
    outside.command(f"DROP DATABASE {name}")
    outside.close()


@pytest.fixture
def store(empty_store: Store) -> Store:
    migrate.apply(empty_store)
    return empty_store


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[ChdbStore]:
    store = ChdbStore(tmp_path / "data")
    migrate.apply(store)
    yield store
    store.close()
