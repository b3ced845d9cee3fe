"""A bound on what is under way."""

import asyncio


class ByteBudget:
    """Lets so many bytes be under way, first come, first served; more than the limit goes alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    async def take(self, size: int) -> None:
        """Wait until `size` bytes fit in."""
        async with self._turn:
            while self._used and self._used + size > self._limit:
                self._freed.clear()
                await self._freed.wait()
            self._used += size

    def give(self, size: int) -> None:
        """`size` bytes are done with."""
        self._used -= size
        self._freed.set()
