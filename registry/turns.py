"""One at a time for each thing: who comes second finds what the first one did."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from types import TracebackType
from weakref import WeakValueDictionary


class Turn:
    """Entered by one at a time; shared by all who mean the same thing meanwhile."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self.has_ended = False
        """Whether anybody has had a turn since this object is there."""

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.has_ended = True
        self._lock.release()


class Turns:
    """The turns of all things that anybody holds on to."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[Hashable, Turn] = WeakValueDictionary()

    def of(self, thing: Hashable) -> Turn:
        """The turn of a thing; it lives as long as somebody holds it."""
        return self._held.setdefault(thing, Turn())
