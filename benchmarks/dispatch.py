"""Dispatch: a validation request at 64 connections, as a ratio to the same server's empty route.

The ratio is (validations per second) / (empty answers per second): 1.0 would mean that authentication, the body,
dispatch, the types, validation, masking, metrics and the log cost nothing.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import cast

import uvloop

from benchmarks.measuring import ROUNDS
from benchmarks.plugin_server import plugin_server

CONNECTIONS = 64
SECONDS = 1.5
STORE = {
    "RegistryType": "other",
    "RegistryURL": "https://registry.example.com",
    "RegistryID": None,
    "Username": "robot",
    "Password": "correct-horse-battery",
    "AWSAccessKeyId": None,
    "AWSSecretAccessKey": None,
    "AWSRegion": None,
}


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """An HTTP/1.1 request on a connection that stays open."""
    return f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


EMPTY = request("GET", "/health/live")
VALIDATION = request("POST", "/v1/artifact/cd.go.artifact.store.validate", json.dumps(STORE).encode())


class Connection(asyncio.Protocol):
    """Sends the same request again as soon as it is answered, and counts."""

    def __init__(self, message: bytes) -> None:
        self.answers = 0
        self._message = message
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return
        assert head.startswith(b"HTTP/1.1 200"), head
        self.answers += 1
        self._buffer = b""
        if self._transport:
            self._transport.write(self._message)

    def close(self) -> None:
        if self._transport:
            self._transport.close()


def _content_length(head: bytes) -> int:
    start = head.index(b"content-length: ") + 16
    return int(head[start:].split(b"\r\n", 1)[0])


async def rate(port: int, message: bytes) -> float:
    """Answers per second over all connections."""
    loop = asyncio.get_running_loop()
    pairs = [await loop.create_connection(lambda: Connection(message), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    connections = [protocol for _, protocol in pairs]
    await asyncio.sleep(0.2)
    before = sum(connection.answers for connection in connections)
    started = time.perf_counter()
    await asyncio.sleep(SECONDS)
    answers = sum(connection.answers for connection in connections) - before
    seconds = time.perf_counter() - started
    for connection in connections:
        connection.close()
    return answers / seconds


def main() -> None:
    """Measure in alternation, print the medians and their ratio."""
    with plugin_server() as server:
        rates: dict[bytes, list[float]] = {EMPTY: [], VALIDATION: []}
        for _ in range(ROUNDS):
            for message, measured in rates.items():
                measured.append(uvloop.run(rate(server.port, message)))
        peak = server.memory
    empty, validation = (statistics.median(measured) for measured in rates.values())
    print(
        f"dispatch: {validation:,.0f} validations/s, {empty:,.0f} empty answers/s "
        f"at {CONNECTIONS} connections: ratio {validation / empty:.2f}, peak memory {peak:.0f} MiB"
    )


if __name__ == "__main__":
    main()
