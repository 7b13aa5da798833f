"""`gocd-registry request`: one request without a server, its lines on standard output as they happen."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from handlers.context import Console
from plugin.dispatch import UNREADABLE, Response, dispatch, too_large
from plugin.handler_context import environment, handler_context
from plugin.logs import logging_as, request_id_from
from plugin.operations import OPERATIONS
from plugin.registry_client import registry_client
from plugin.settings import Settings
from plugin.streaming import stream
from plugin.work import Work

_STOPPED_BY = 128
"""What shells add to the number of the signal that ended a command."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def answer(settings: Settings, extension: str, name: str, version: str, body: bytes, output: int) -> int:
    """Answer a request on an output (a file descriptor); give the command's exit code (see `run_until_stopped`)."""
    context = handler_context(settings, await asyncio.to_thread(registry_client, settings, environment()))

    async def run(console: Console) -> Response:
        if len(body) > settings.max_body_bytes:
            return Response.sentence(UNREADABLE, too_large(settings.max_body_bytes))
        return await dispatch(
            extension, name, body, replace(context, console=console), operations=OPERATIONS, version=version
        )

    with logging_as(request_id=request_id_from(None)):
        async with context.client:
            return await run_until_stopped(run, output)


async def run_until_stopped(run: Callable[[Console], Awaitable[Response]], output: int) -> int:
    """Stream a request until it is answered or told to stop.

    0: answered, whatever the response's code. 128 and the number of a signal: stopped by it, cleaned up, and the
    response says so. A reader that closes the output counts as SIGPIPE.
    """
    work = Work(most=1)
    stopped_by: list[signal.Signals] = []
    stopping: set[asyncio.Task[None]] = set()

    def stop(number: signal.Signals) -> None:
        stopped_by.append(number)
        stopping.add(asyncio.get_running_loop().create_task(work.finish(grace_seconds=0)))

    async def write(line: bytes) -> None:
        try:
            await asyncio.to_thread(_write, output, line)
        except BrokenPipeError:
            stop(signal.SIGPIPE)

    async with _watching(output, stop):
        await stream(lambda console: work.run(lambda: run(console)), write)
        await asyncio.gather(*stopping)
    return _STOPPED_BY + stopped_by[0] if stopped_by else 0


def _write(output: int, line: bytes) -> None:
    while line:
        line = line[os.write(output, line) :]


@asynccontextmanager
async def _watching(output: int, stop: Callable[[signal.Signals], None]) -> AsyncIterator[None]:
    """Call `stop` at a signal, and when the reader of the output has gone away, even while nothing is written."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    is_pipe = stat.S_ISFIFO(os.fstat(output).st_mode)

    def reader_left() -> None:
        loop.remove_reader(output)
        stop(signal.SIGPIPE)

    if is_pipe:  # whose writing end becomes readable when its reader closes it
        loop.add_reader(output, reader_left)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        if is_pipe:
            loop.remove_reader(output)
