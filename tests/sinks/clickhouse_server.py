"""A real ClickHouse server for as long as tests need it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sinks.clickhouse.server import ServerSettings
from yizhan.servers import ClickHouse


@contextmanager
def server(at: Path) -> Iterator[ServerSettings]:
    """Start a server on free ports in this folder; stop it at the end."""
    with ClickHouse(at) as running:
        yield running.settings
