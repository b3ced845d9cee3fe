"""The stores of the sinks' tests, and a place to deliver from."""

from tests.sinks.conftest import embedded, empty_store, running_server, store

__all__ = ["embedded", "empty_store", "running_server", "store"]
