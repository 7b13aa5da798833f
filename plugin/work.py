"""The requests under way: bounded in number, waited for at shutdown, cancelled when that takes too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from plugin.dispatch import FAILED, Response

_SECONDS_TO_CLEAN_UP = 30
"""How long cancelled requests may take to remove what they left half done."""

log = structlog.get_logger(__name__)


class Work:
    """All requests that the server is answering now."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._cut_off = False

    @property
    def is_stopping(self) -> bool:
        """Whether the server has been told to stop; nothing new is taken on then."""
        return self._stopping

    async def run(self, request: Callable[[], Awaitable[Response]]) -> Response:
        """Run a request in this task, if there is room. Being cut off at shutdown is a response; going away is not."""
        if refusal := self._refusal():
            return Response.sentence(FAILED, refusal)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- a coroutine always runs in a task
        self._tasks.add(task)
        try:
            return await request()
        except asyncio.CancelledError:
            if not self._cut_off:
                raise
            task.uncancel()
            return Response.sentence(
                FAILED,
                "The plugin server was stopped before this was finished, and what was half done is removed. "
                "Run it again once the server is back.",
            )
        finally:
            self._tasks.discard(task)

    def _refusal(self) -> str:
        if self._stopping:
            return "The plugin server is stopping and takes on no new work. Try again once it is back."
        if len(self._tasks) >= self._most:
            return (
                f"The plugin server has {self._most} requests under way, which is its limit. "
                "Try again in a moment, or raise GOCD_REGISTRY_MAX_REQUESTS."
            )
        return ""

    def stop(self) -> None:
        """Take on nothing new from now on."""
        self._stopping = True

    async def finish(self, grace_seconds: float) -> None:
        """Stop; let what is under way finish within the time given; cancel the rest and wait for its cleaning up."""
        self.stop()
        if await self._all_done(grace_seconds):
            return
        log.warning("cancelling what did not finish in time", requests=len(self._tasks), seconds=grace_seconds)
        self._cut_off = True
        for task in tuple(self._tasks):
            task.cancel()
        if not await self._all_done(_SECONDS_TO_CLEAN_UP):
            log.error("cleaning up took too long", requests=len(self._tasks), seconds=_SECONDS_TO_CLEAN_UP)

    async def _all_done(self, seconds: float) -> bool:
        if self._tasks:
            log.info("waiting for running requests", requests=len(self._tasks), seconds=seconds)
            await asyncio.wait(tuple(self._tasks), timeout=seconds)
        return not self._tasks
