"""Streamed answers: console lines as they happen, then exactly one response, one JSON object a line."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

from handlers.context import Console
from plugin.dispatch import Response

MEDIA_TYPE = "application/x-ndjson"


async def stream(run: Callable[[Console], Awaitable[Response]], write: Callable[[bytes], Awaitable[None]]) -> None:
    """Run a request and write each of its lines when it happens.

    A failing write, or cancellation, cancels the request, and waits until it has cleaned up after itself.
    """
    console = _StreamedConsole()
    async with asyncio.TaskGroup() as group:
        group.create_task(_run(run, console))
        async for line in console.lines():
            await write(line)


async def _run(run: Callable[[Console], Awaitable[Response]], console: _StreamedConsole) -> None:
    console.close(await run(console))


class _StreamedConsole:
    """A console whose lines are read from the other end; it may be written to from any thread."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def info(self, message: str) -> None:
        self._put(_console_line("INFO", message))

    def error(self, message: str) -> None:
        self._put(_console_line("ERROR", message))

    def close(self, response: Response) -> None:
        self._put(response_line(response))
        self._put(None)

    async def lines(self) -> AsyncIterator[bytes]:
        while (line := await self._lines.get()) is not None:
            yield line

    def _put(self, line: bytes | None) -> None:
        if threading.get_ident() == self._thread:
            self._lines.put_nowait(line)
        else:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)


def _console_line(level: Literal["INFO", "ERROR"], message: str) -> bytes:
    return _line({"console_log": {"logLevel": level, "message": message}})


def response_line(response: Response) -> bytes:
    """The last line of a stream. GoCD has no use for the response's headers, which are HTTP's."""
    return _line({"response": {"code": response.code, "headers": {}, "body": response.body.decode()}})


def _line(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode(errors="replace") + b"\n"
