"""Bytes on their way from the loop to a thread: gathered into handfuls, one at work while the next is gathered.

A hop to a thread costs as much as hashing 100 KiB: in pieces as they arrive it costs more than it gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_HANDFUL = 1024 * 1024


class Handover:
    """Gives pieces of bytes, in order, to blocking work in a thread. Whoever uses it ends it with `finish`."""

    def __init__(self, work: Callable[[list[bytes]], None]) -> None:
        self._work = work
        self._pieces: list[bytes] = []
        self._size = 0
        self._at_work: asyncio.Future[None] | None = None

    async def put(self, piece: bytes) -> None:
        """Take a piece; wait when the thread is behind. Raises what the work raised."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= _HANDFUL:
            await self._hand_over()

    async def finish(self) -> None:
        """Hand over the rest, and wait until all of it is done. Raises what the work raised.

        A cancellation is heeded when the thread is through: nobody closes a file that it is writing to.
        """
        await self._hand_over()
        await self._through()

    async def _hand_over(self) -> None:
        await self._through()
        if self._pieces:
            pieces, self._pieces, self._size = self._pieces, [], 0
            self._at_work = asyncio.get_running_loop().run_in_executor(None, self._work, pieces)

    async def _through(self) -> None:
        cancelled: asyncio.CancelledError | None = None
        while self._at_work and not self._at_work.done():
            try:
                await asyncio.wait([self._at_work])
            except asyncio.CancelledError as error:
                cancelled = error
        work, self._at_work = self._at_work, None
        if cancelled:
            raise cancelled
        if work:
            work.result()
