"""Bounds on time, and on how much happens at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

LARGEST_ERROR_BODY = 64 * 1024
"""Bytes of an error answer that are read."""
LARGEST_TAGS_PAGE = 16 * 1024 * 1024
"""Bytes of one page of tags; Docker Hub's largest known repositories stay far below."""
LARGEST_TOKEN_ANSWER = 1024 * 1024
"""Bytes of a token server's answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, each for one step and never for a whole transfer; counts of requests under way."""

    connect: float = 10.0
    idle: float = 60.0
    page: float = 60.0
    token: float = 30.0
    requests_per_host: int = 32
    transfers: int = 8


class HostBound:
    """How many requests one host gets at once; it falls when the host says «too many», and recovers slowly."""

    _ANSWERS_PER_STEP_UP = 20

    def __init__(self, most: int) -> None:
        self._most = most
        self._bound = most
        self._under_way = 0
        self._good_answers = 0
        self._changed = asyncio.Condition()

    @property
    def bound(self) -> int:
        """How many may be under way now."""
        return self._bound

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a place and hold it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._under_way < self._bound)
            self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            async with self._changed:
                self._changed.notify()

    def too_many(self) -> None:
        """The host answered 429: halve the bound."""
        self._bound = max(1, self._bound // 2)
        self._good_answers = 0

    def answered(self) -> None:
        """The host answered well: after some of those, allow one more."""
        if self._bound < self._most:
            self._good_answers += 1
            if self._good_answers >= self._ANSWERS_PER_STEP_UP:
                self._bound += 1
                self._good_answers = 0


class HostBounds:
    """The bound of every host that was asked."""

    def __init__(self, most_per_host: int) -> None:
        self._most = most_per_host
        self._by_host: dict[str, HostBound] = {}

    def of(self, host: str) -> HostBound:
        """The bound of this host, the same one each time."""
        return self._by_host.setdefault(host, HostBound(self._most))
