"""Bounds that jobs share fairly: whoever has many things to do takes turns with those who have one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

LARGE = 16 * 1024 * 1024
"""Bytes from which a blob's time is that of moving it."""


class FairBound:
    """So many places at once; free ones go to the waiting jobs in turn, first come first served within a job."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def place(self, job: Hashable) -> AsyncIterator[None]:
        """Wait for the job's turn, and hold a place."""
        await self._enter(job)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, job: Hashable) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self._free += 1
        while self._free and self._waiting:
            job, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[job] = turns
            if not turn.done():
                self._free -= 1
                turn.set_result(None)


class Transfers:
    """The blobs that a process moves at once: a few large ones keep every wire busy, small ones wait for answers."""

    def __init__(self, large: int, small: int) -> None:
        self._large = FairBound(large)
        self._small = FairBound(small)

    def place(self, job: Hashable, size: int) -> AbstractAsyncContextManager[None]:
        """Wait for the turn of a job's blob of so many bytes, and hold a place."""
        return (self._large if size >= LARGE else self._small).place(job)
