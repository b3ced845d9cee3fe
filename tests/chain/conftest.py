"""An embedded ClickHouse with its tables, as the sinks' tests have it."""

from tests.sinks.conftest import embedded

__all__ = ["embedded"]
