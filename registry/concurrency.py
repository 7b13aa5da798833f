"""Several things at once, bounded: the first failure stops the others and is raised as it came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def for_each(
    items: Sequence[Item], work: Callable[[Item], Awaitable[Result]], at_once: int | None = None
) -> list[Result]:
    """Do the work for every item, so many at once (None: all); results in the order of the items."""
    results: dict[int, Result] = {}
    waiting = iter(enumerate(items))

    async def worker() -> None:
        for position, item in waiting:
            results[position] = await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once or len(items), len(items))):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        raise _first(failures) from None
    return [results[position] for position in range(len(items))]


async def to_the_end(work: Callable[[], Result]) -> Result:
    """Run in a thread what must not be left half-done: a cancellation is heeded when it is through."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled
    return task.result()


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
