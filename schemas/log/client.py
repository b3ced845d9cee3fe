"""aiokafka for threads that have no event loop of their own."""

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

Settings = Mapping[str, Any]
T = TypeVar("T")
FETCH_MIN_BYTES: Final = 128 << 10
"""A broker asked for any byte at all answers thousands of times a second, with little each time."""
FETCH_WAIT_MS: Final = 50
"""How long the broker may wait for so many. Faust's 1500 lets a request for idle partitions hold up the busy ones."""


def for_aiokafka(brokers: Settings) -> dict[str, Any]:
    """How a broker is reached, in aiokafka's words; `brokers`: in librdkafka's, of which the rest is left out."""
    found: dict[str, Any] = {"bootstrap_servers": brokers["bootstrap.servers"]}
    protocol = brokers.get("security.protocol", "PLAINTEXT").upper()
    if protocol == "PLAINTEXT":
        return found
    return found | {
        "security_protocol": protocol,
        "sasl_mechanism": brokers["sasl.mechanism"],
        "sasl_plain_username": brokers["sasl.username"],
        "sasl_plain_password": brokers["sasl.password"],
        "ssl_context": ssl.create_default_context(cafile=brokers.get("ssl.ca.location")),
    }


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def call(self, asked: Coroutine[Any, Any, T]) -> T:
        """Its answer; raises what it raises."""
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    def set(self, event: asyncio.Event) -> None:
        """Set an event of the loop; nobody waits."""
        self._loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
