"""A wire between a role and a server that can be cut, and made slow."""

import asyncio
import threading
from contextlib import suppress
from typing import Final, Self

HOST: Final = "127.0.0.1"
PIECE: Final = 1 << 14


class Wire:
    """Listens on `port` and passes bytes on to the server's port, both ways."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self.delay = 0.0
        """Seconds that every piece of 16 KiB waits."""
        self.port = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._pass, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        server.close()
        await self._cut()

    def cut(self) -> int:
        """Cut every connection now, in the middle of whatever goes over it; how many ends there were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result()

    async def _cut(self) -> int:
        found = list(self._open)
        for writer in found:
            writer.transport.abort()
        await asyncio.sleep(0)
        return len(found)

    async def _pass(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        try:
            far_in, far_out = await asyncio.open_connection(HOST, self._server_port)
        except OSError:
            near_out.transport.abort()
            return
        ends = {near_out, far_out}
        self._open |= ends
        await asyncio.gather(self._one_way(near_in, far_out), self._one_way(far_in, near_out))
        self._open -= ends

    async def _one_way(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(PIECE):
                await asyncio.sleep(self.delay)
                target.write(piece)
                await target.drain()
        target.close()
