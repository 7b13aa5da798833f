"""Several things at once, bounded: the first failure stops the others and is raised as it came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def for_each(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], bound: asyncio.Semaphore | None = None
) -> list[Result]:
    """Do the work for every item, within the bound; results in the order of the items."""

    async def one(item: Item) -> Result:
        if bound is None:
            return await work(item)
        async with bound:
            return await work(item)

    tasks: list[asyncio.Task[Result]] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as failures:
        raise _first(failures) from None
    return [task.result() for task in tasks]


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
