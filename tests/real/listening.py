"""A server of bare connections on a free port of loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


async def stop_listening(server: asyncio.Server) -> None:
    """Refuse new connections; those that are accepted stay."""
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    # What is accepted and not yet set up would be left open: asyncio asserts that its server is not closed.
    await asyncio.sleep(0)
    server.close()


@contextmanager
def listening(
    serve: Serve,
    started: Callable[[asyncio.Server], None] = lambda server: None,
    context: ssl.SSLContext | None = None,
    address: str = "127.0.0.1",
) -> Iterator[str]:
    """Serve connections until the block ends, then cancel those that are left; the address is `host:port`."""
    loop, ready, stopping, ports = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), list[int]()
    writers = list[asyncio.StreamWriter]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Coroutine[None, None, None]:
        writers.append(writer)
        return serve(reader, writer)

    async def run() -> None:
        server = await asyncio.start_server(connected, address, 0, limit=1 << 20, ssl=context)
        ports.append(server.sockets[0].getsockname()[1])
        started(server)
        ready.set()
        await stopping.wait()
        await stop_listening(server)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A task that is cancelled before its first step closes nothing; a close takes one more turn of the loop.
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    ready.wait(10)
    try:
        yield f"[{address}]:{ports[0]}" if ":" in address else f"{address}:{ports[0]}"
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()
