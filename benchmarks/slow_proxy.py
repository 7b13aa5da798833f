"""A process between client and registry that delays every answer, and counts: requests, and the most at once.

For requests without bodies, one after another on a connection, which is what lookups are.
`GET /counts` is not passed on: it answers with the counts so far and starts them anew.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import uvloop

_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Counts:
    """What passed since the last look."""

    requests: int
    most_at_once: int


@dataclass(frozen=True)
class SlowProxy:
    """A running proxy."""

    host: str

    def take_counts(self) -> Counts:
        """The counts so far; they start anew."""
        connection = http.client.HTTPConnection(self.host)
        try:
            connection.request("GET", "/counts")
            return Counts(**json.loads(connection.getresponse().read()))
        finally:
            connection.close()


@contextmanager
def slow_proxy(target: str, seconds: float) -> Iterator[SlowProxy]:
    """A proxy process before `host:port`."""
    command = [sys.executable, "-m", "benchmarks.slow_proxy", target, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield SlowProxy(f"127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


class _Tally:
    def __init__(self) -> None:
        self.requests = self.under_way = self.most_at_once = 0

    def begin(self) -> None:
        self.requests += 1
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)

    def end(self) -> None:
        self.under_way -= 1

    def take(self) -> bytes:
        counts = {"requests": self.requests, "most_at_once": self.most_at_once}
        self.requests, self.most_at_once = 0, self.under_way
        return json.dumps(counts).encode()


class _Client(asyncio.Protocol):
    """The client's side of a connection; it opens one of its own to the registry."""

    def __init__(self, target: tuple[str, int], seconds: float, tally: _Tally) -> None:
        self._target = target
        self._seconds = seconds
        self._tally = tally
        self._waiting = False
        self._late = b""
        self._pending = b""
        self._transport: asyncio.Transport | None = None
        self._upstream: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        upstream, _ = await asyncio.get_running_loop().create_connection(lambda: _Upstream(self), *self._target)
        if self._transport is None:
            upstream.close()
            return
        self._upstream = upstream
        self._forward()

    def data_received(self, data: bytes) -> None:
        self._pending += data
        self._forward()

    def _forward(self) -> None:
        if not self._pending.endswith(_END) or self._transport is None:
            return
        if self._pending.startswith(b"GET /counts "):
            body = self._tally.take()
            self._pending = b""
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        elif self._upstream:
            self._waiting = True
            self._tally.begin()
            self._upstream.write(self._pending)
            self._pending = b""

    def answered(self, data: bytes) -> None:
        """Pass a piece of an answer on: the first one late, and what comes meanwhile together with it."""
        if self._waiting:
            self._waiting = False
            asyncio.get_running_loop().call_later(self._seconds, self._end)
            self._late = data
        elif self._late:
            self._late += data
        elif self._transport:
            self._transport.write(data)

    def _end(self) -> None:
        self._tally.end()
        late, self._late = self._late, b""
        if self._transport:
            self._transport.write(late)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        if self._waiting:
            self._waiting = False
            self._tally.end()
        if self._upstream:
            self._upstream.close()

    def upstream_lost(self) -> None:
        """The registry closed the connection."""
        if self._transport:
            self._transport.close()


class _Upstream(asyncio.Protocol):
    """The registry's side of a connection."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.answered(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._client.upstream_lost()


async def _serve(target: tuple[str, int], seconds: float) -> None:
    tally = _Tally()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(target, seconds, tally), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """`HOST:PORT SECONDS`: run a proxy, print its port, go on until told to stop."""
    host, _, port = sys.argv[1].partition(":")
    uvloop.run(_serve((host, int(port)), float(sys.argv[2])))


if __name__ == "__main__":
    main()
