"""The engine for blobs' bytes, below httpx's interface: each exchange in a thread, on a blocking socket.

Measured against the engine of `registry/engine.py`: a byte on its way between kernel and disk is copied twice less,
and is hashed and written in the thread that received it. The rules of that engine hold here too, and two more: each
part that is sent has a time limit, and a request that is answered before its body ends is not sent to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Protocol, TypeVar, cast

import httpx

from registry.bulk.exchange import Exchange, Take
from registry.bulk.idle import IdleConnections
from registry.bulk.route import NewContext, Route

_MOST_THREADS = 64
"""More than the transfers that are under way at once: bounds are the caller's."""
_PIECE = 64 * 1024

Result = TypeVar("Result")


class BulkEngine(httpx.AsyncBaseTransport):
    """Sends httpx's requests whose body is bytes or an iterable of them; gives answers whose body can be poured."""

    def __init__(self, new_context: NewContext, proxy_of: Callable[[httpx.URL], str | None]) -> None:
        """`new_context` blocks, and is called in a thread when TLS is first needed; `proxy_of` a URL is an address."""
        self._new_context = new_context
        self._proxy_of = proxy_of
        self._threads = ThreadPoolExecutor(_MOST_THREADS, "bulk")
        self._is_closed = False
        self._idle = IdleConnections()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is read from its stream. Raises httpx.TransportError."""
        route = Route.of(request.url, self._proxy_of(request.url))
        exchange = Exchange(request, route, self._idle.take(route))
        answer = await self._in_thread(partial(exchange.ask, self._new_context), exchange)
        return httpx.Response(
            answer.status_code,
            headers=[(name, value) for name, value in answer.headers],
            stream=_Body(self, exchange),
            extensions={"reason_phrase": bytes(answer.reason)},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        self._idle.close()
        self._is_closed = True
        self._threads.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], Result], exchange: Exchange) -> Result:
        """Run a call of an exchange; a cancellation aborts it, and is heeded when the thread is through."""
        if self._is_closed:
            raise httpx.ReadError("the client is closed")
        # With what the log says of every line of this task, as asyncio.to_thread does it.
        running = asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if exchange.abort():
                await _through(running)
                exchange.close()
            else:
                # It closes what it connects to when it sees that nobody waits.
                running.cancel()
            raise

    def _give_back(self, exchange: Exchange) -> None:
        connection = exchange.leave()
        if connection is None:
            return
        if self._is_closed:
            connection.close()
        else:
            self._idle.keep(connection)


class Pourable(Protocol):
    """A body that can be given away in the thread that receives it."""

    async def pour(self, take: Take) -> None:
        """Give the whole body away. Raises httpx.TransportError, and what `take` raises."""


async def pour(response: httpx.Response, take: Take) -> None:
    """Give away the body of this engine's answer. Raises httpx.TransportError, and what `take` raises."""
    await cast(Pourable, response.stream).pour(take)


class _Body(httpx.AsyncByteStream):
    """An answer's body, which is poured or iterated over."""

    def __init__(self, engine: BulkEngine, exchange: Exchange) -> None:
        self._engine = engine
        self._exchange = exchange

    async def pour(self, take: Take) -> None:
        """See Pourable."""
        await self._engine._in_thread(partial(self._exchange.pour, take), self._exchange)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._engine._in_thread(partial(self._exchange.read, _PIECE), self._exchange):
            yield piece

    async def aclose(self) -> None:
        """Give the connection back, or close it when anything is left on it."""
        self._engine._give_back(self._exchange)


async def _through(running: asyncio.Future[Result]) -> None:
    while not running.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([running])
    # What it failed with, having been aborted, is of no interest.
    running.exception()
