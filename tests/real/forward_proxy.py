"""A forward proxy to this machine's ports by any name: absolute URLs for http, CONNECT for https; with a login."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.real.listening import listening


@dataclass
class ForwardProxy:
    login: str = ""
    requests: list[str] = field(default_factory=list)
    """First lines of what it was asked."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, _, headers = head.partition("\r\n")
        self.requests.append(line)
        if self.login and base64.b64encode(self.login.encode()).decode() not in headers:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        method, target, version = line.split()
        place = target if method == "CONNECT" else target.split("/")[2]
        onward, upstream = await asyncio.open_connection("127.0.0.1", int(place.rpartition(":")[2]))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            path = "/" + target.split("/", 3)[3]
            upstream.write(f"{method} {path} {version}\r\n{headers}".encode())
        try:
            await asyncio.gather(_pipe(reader, upstream), _pipe(onward, writer))
        finally:
            upstream.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()


@contextmanager
def proxying(login: str = "", context: ssl.SSLContext | None = None) -> Iterator[tuple[ForwardProxy, str]]:
    """A proxy, and its address; spoken to by TLS if there is a context."""
    proxy = ForwardProxy(login)
    with listening(proxy.serve, context=context) as host:
        yield proxy, host
