"""Connections of one webhook: each goes to the address that was looked up and checked for it, and nowhere else."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias

import httpx

from sinks.alerts.address import Address, Place, Rules, checked_address, checked_url, pinned

Resolver: TypeAlias = Callable[[Place], Awaitable[list[str]]]


class SystemResolver:
    """The machine's resolver on a thread of its own: a name that takes long delays nobody else's."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="webhook-names")

    async def __call__(self, place: Place) -> list[str]:
        """All addresses of a name, in the resolver's order; raises OSError."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        )
        return [str(address[0]) for *_, address in found]

    def close(self) -> None:
        """Wait for nobody: a look-up under way ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class PinnedTransport(httpx.AsyncBaseTransport):
    """Looks a request's host up once, checks every address it leads to, and connects to the checked one.

    The name stays what TLS asks for and verifies (SNI) and what the Host header says, so nothing that a name is
    made to lead to later (rebinding) is ever connected to. One transport per endpoint: connections kept open
    belong to that endpoint's name alone.
    """

    def __init__(self, rules: Rules, resolver: Resolver, ca_file: Path | None = None) -> None:
        self._rules, self._resolve = rules, resolver
        verify = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        self._inner = httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send to the checked address; raises ForbiddenAddress, OSError or httpx.TransportError."""
        place = checked_url(str(request.url), self._rules)
        address = await self._address(place)
        request.extensions = {**request.extensions, "sni_hostname": place.host}
        request.url = request.url.copy_with(host=str(address))
        return await self._inner.handle_async_request(request)

    async def _address(self, place: Place) -> Address:
        try:
            literal = ip_address(place.host)
        except ValueError:
            return pinned(place, await self._resolve(place), self._rules)
        return checked_address(literal, self._rules)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()
