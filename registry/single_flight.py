"""Identical questions that are asked at the same time are asked once; all who wait get the one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


@dataclass(slots=True)
class _Flight(Generic[Result]):
    task: asyncio.Task[Result]
    waiting: int = 0


class SingleFlight(Generic[Key, Result]):
    """Work under way by key. Nothing is kept: an answer or a failure goes to those who wait for it, and is gone."""

    def __init__(self) -> None:
        self._flights: dict[Key, _Flight[Result]] = {}

    async def do(self, key: Key, work: Callable[[], Awaitable[Result]]) -> Result:
        """Join the work of this key, or begin it. When nobody waits any more, it is cancelled."""
        flight = self._flights.get(key)
        if flight is None or flight.task.get_loop() is not asyncio.get_running_loop():
            flight = self._flights[key] = _Flight(asyncio.ensure_future(_run(work)))
            flight.task.add_done_callback(partial(self._land, key))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._land(key, flight.task)
                flight.task.cancel()

    def _land(self, key: Key, task: asyncio.Task[Result]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]
        if task.done() and not task.cancelled():
            # Every waiter may have gone: then nobody else asks for the failure.
            task.exception()


async def _run(work: Callable[[], Awaitable[Result]]) -> Result:
    return await work()
