"""Faults that a real registry can't be made to show: a layer over the local registry, on real sockets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Act = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]


class Cut(Exception):
    """Ends a connection in the midst of an answer: the server notices that the answer is not complete."""


@dataclass
class Fault:
    """What happens to requests of a method to a path, the first `times` times."""

    method: str
    path: str
    act: Act
    times: int = 1


@dataclass
class FaultyRegistry:
    """Lets requests through to the registry behind it, but for those that a fault is waiting for."""

    behind: ASGIApp
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def expect(self, method: str, path: str, act: Act, times: int = 1) -> None:
        self.faults.append(Fault(method, path, act, times))

    def count(self, method: str, path: str) -> int:
        return sum(bool(re.fullmatch(f"{method} .*{path}.*", request)) for request in self.requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests.append(f"{scope['method']} {scope['path']}")
        for fault in self.faults:
            if fault.times and fault.method == scope["method"] and re.search(fault.path, scope["path"]):
                fault.times -= 1
                await fault.act(self.behind, scope, receive, send)
                return
        await self.behind(scope, receive, send)


def status(code: int, body: bytes = b"", **headers: str) -> Act:
    """Answer with a status."""

    async def act(behind: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await _drain(receive)
        pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": code, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    return act


def cut_after(count: int) -> Act:
    """Let the registry answer, and cut the connection after that many bytes of the body."""

    async def act(behind: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        sent = 0

        async def cutting(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.body":
                body = message.get("body", b"")[: count - sent]
                sent += len(body)
                await send({"type": "http.response.body", "body": body, "more_body": True})
                if sent >= count:
                    raise Cut
            else:
                await send(message)

        await behind(scope, receive, cutting)

    return act


def cut_upload_after(count: int) -> Act:
    """Take that many bytes of an upload and store them; then give up as a proxy does whose registry went away."""

    async def act(behind: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0
        patched = {**scope, "method": "PATCH", "query_string": b""}

        async def cutting() -> Message:
            nonlocal taken
            message = await receive()
            body = message.get("body", b"")[: count - taken]
            taken += len(body)
            return {"type": "http.request", "body": body, "more_body": taken < count}

        async def silent(message: Message) -> None:
            pass

        await behind(patched, cutting, silent)
        await send({"type": "http.response.start", "status": 502, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": b""})

    return act


def without_range() -> Act:
    """Answer as a registry that knows no Range."""

    async def act(behind: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await behind({**scope, "headers": headers}, receive, send)

    return act


def corrupted() -> Act:
    """Let the registry answer, with every byte of the body changed."""

    async def act(behind: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def changing(message: Message) -> None:
            if body := message.get("body"):
                message = {**message, "body": bytes(byte ^ 1 for byte in body)}
            await send(message)

        await behind(scope, receive, changing)

    return act


def with_header(name: str, value: str) -> Act:
    """Let the registry answer, with this header instead of its own."""

    async def act(behind: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def changing(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message["headers"] if pair[0].lower() != name.lower().encode()]
                message = {**message, "headers": [*kept, (name.encode(), value.encode("latin-1"))]}
            await send(message)

        await behind(scope, receive, changing)

    return act


def stalled(seconds: float = 30) -> Act:
    """Say nothing."""

    async def act(behind: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(seconds)

    return act


async def _drain(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        pass
