"""How many requests a host gets at once: first come, first served; fewer after «too many», and slowly more again."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

_ANSWERS_PER_STEP_UP = 20


class HostBound:
    """The places of one host: each request enters, and leaves when its answer is read."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._bound = most
        self._under_way = 0
        self._good_answers = 0
        self._fell_at = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def bound(self) -> int:
        """How many may be under way now."""
        return self._bound

    async def enter(self) -> None:
        """Wait for a place and take it."""
        if self._under_way < self._bound and not self._waiting:
            self._under_way += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place to the next one."""
        self._under_way -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._under_way < self._bound:
            turn = self._waiting.popleft()
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)

    def too_many(self, began: float) -> None:
        """The host answered 429 to a request of that time: halve the bound, once for all that were under way then."""
        self._good_answers = 0
        if began >= self._fell_at:
            self._bound = max(1, self._bound // 2)
            self._fell_at = self._clock()

    def answered(self) -> None:
        """The host answered well: after some of those, allow one more."""
        if self._bound == self._most:
            return
        self._good_answers += 1
        if self._good_answers >= _ANSWERS_PER_STEP_UP:
            self._bound += 1
            self._good_answers = 0
            self._let_in()


class HostBounds:
    """The bound of every host that was asked."""

    def __init__(self, most_per_host: int) -> None:
        self._most = most_per_host
        self._by_host: dict[str, HostBound] = {}

    def of(self, host: str) -> HostBound:
        """The bound of this host, the same one each time."""
        bound = self._by_host.get(host)
        if bound is None:
            bound = self._by_host[host] = HostBound(self._most)
        return bound
