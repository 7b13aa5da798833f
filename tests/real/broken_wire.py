"""Faults below HTTP: a relay before a registry that resets, closes, stalls or talks nonsense at chosen requests."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from tests.real.listening import listening, stop_listening

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass
class BrokenWire:
    """Relays to a registry, but for requests of a method to a path, the first `times` times."""

    behind: str
    method: str = ""
    path: str = ""
    act: Act | None = None
    times: int = 0
    broken: int = 0
    connections: int = 0
    server: asyncio.Server | None = field(default=None, repr=False)

    def expect(self, method: str, path: str, act: Act, times: int) -> None:
        self.method, self.path, self.act, self.times = method, path, act, times

    async def goes_away(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """End every connection that is used again, and refuse new ones."""
        assert self.server is not None
        await stop_listening(self.server)
        self.expect("", "", reset, times=1000)
        await reset(reader, writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        host, _, port = self.behind.rpartition(":")
        onward, upstream = await asyncio.open_connection(host, int(port))
        answers = asyncio.create_task(_pipe(onward, writer))
        try:
            while head := await _head(reader):
                method, path = head.split(b" ", 2)[:2]
                if self.act and self.times and self._is_meant(method.decode(), path.decode()):
                    self.times -= 1
                    self.broken += 1
                    await self.act(reader, writer)
                    return
                upstream.write(head)
                await _relay_body(head, reader, upstream)
        finally:
            answers.cancel()
            upstream.close()
            writer.close()

    def _is_meant(self, method: str, path: str) -> bool:
        return self.method in ("", method) and re.search(self.path, path) is not None


async def _head(reader: asyncio.StreamReader) -> bytes:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        return await reader.readuntil(b"\r\n\r\n")
    return b""


async def _relay_body(head: bytes, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
    found = _LENGTH.search(head)
    rest = int(found[1]) if found else 0
    while rest and (piece := await reader.read(min(rest, 65536))):
        rest -= len(piece)
        upstream.write(piece)
        await upstream.drain()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End the connection by a TCP reset."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End the connection without a word."""


async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing, and read nothing."""
    await asyncio.sleep(20)


def stalling_after(raw: bytes) -> Act:
    """Answer with these bytes, then say nothing more and read nothing."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        await stall(reader, writer)

    return act


def says(raw: bytes) -> Act:
    """Answer with these bytes and close, whatever the request still has to send."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        with suppress(ConnectionError):
            await writer.drain()
            writer.write_eof()
            # What is still under way is read: a close with unread bytes would be a reset.
            async with asyncio.timeout(1):
                while await reader.read(65536):
                    pass

    return act


async def _suppressed(wire: BrokenWire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, TimeoutError, asyncio.CancelledError):
        await wire.serve(reader, writer)


@contextmanager
def relaying(
    behind: str, context: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> Iterator[tuple[BrokenWire, str]]:
    """A relay to a registry, and its address; spoken to by TLS if there is a context."""
    wire = BrokenWire(behind)
    serve, started = partial(_suppressed, wire), partial(setattr, wire, "server")
    with listening(serve, started, context, address) as host:
        yield wire, host
