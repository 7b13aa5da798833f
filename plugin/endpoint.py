"""`POST /v1/{extension}/{request_name}`: authentication, body, dispatch, and the answer, whole or streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.responses import Response as HttpResponse
from starlette.types import Receive, Scope, Send

from handlers.context import Console, Context, SilentConsole
from plugin.authentication import Authentication
from plugin.body import BodyRefused, read_body
from plugin.dispatch import UNREADABLE, Response, dispatch
from plugin.logs import logging_as, request_id_from
from plugin.operation import Table
from plugin.streaming import MEDIA_TYPE, stream
from plugin.work import Work

VERSION_HEADER = "X-GoCD-Extension-Version"
REQUEST_ID_HEADER = "X-Request-Id"
_OK, _UNAUTHORIZED = 200, 401
_SECONDS_UNWATCHED = 0.02

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Endpoint:
    """Carries requests from HTTP to dispatch, and responses back (an ASGI application)."""

    operations: Table
    authentication: Authentication
    work: Work
    context: Context
    max_body_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; a client that goes away cancels it."""
        request = Request(scope, receive, send)
        request_id = request_id_from(request.headers.get(REQUEST_ID_HEADER))
        with logging_as(request_id=request_id):
            if refused := refusal(self.authentication, request):
                return await refused(scope, receive, send)
            try:
                await self._answer(_Exchange(self, request, request_id), send)
            except ClientDisconnect:
                log.info("the client went away before its request was complete")

    async def _answer(self, exchange: _Exchange, send: Send) -> None:
        await exchange.read()
        async with _while_connected(exchange.request.receive):
            if MEDIA_TYPE in exchange.request.headers.get("accept", ""):
                await _send_stream(exchange, send)
            else:
                await _send_whole(exchange, send)


class _Exchange:
    """One HTTP request with its body."""

    def __init__(self, endpoint: Endpoint, request: Request, request_id: str) -> None:
        self._endpoint = endpoint
        self.request = request
        self.request_id = request_id
        self._body = b""
        self._refused: Response | None = None

    async def read(self) -> None:
        """Read the body, or take note of why not."""
        try:
            self._body = await read_body(self.request, self._endpoint.max_body_bytes)
        except BodyRefused as error:
            self._refused = Response.sentence(UNREADABLE, str(error))

    async def run(self, console: Console) -> Response:
        """Have the request answered, where there is room for it."""
        return self._refused or await self._endpoint.work.run(lambda: self._dispatch(console))

    async def _dispatch(self, console: Console) -> Response:
        return await dispatch(
            self.request.path_params["extension"],
            self.request.path_params["request_name"],
            self._body,
            replace(self._endpoint.context, console=console),
            operations=self._endpoint.operations,
            version=self.request.headers.get(VERSION_HEADER, ""),
        )


def refusal(authentication: Authentication, request: Request) -> HttpResponse | None:
    """The answer to a request that is not admitted; None where it is."""
    reason = authentication.refusal(request.headers.get("authorization"), request.headers.get("origin"))
    if not reason:
        return None
    log.warning("not admitted", reason=reason, client=request.client.host if request.client else "")
    return PlainTextResponse(reason, _UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})


async def _send_whole(exchange: _Exchange, send: Send) -> None:
    response = await exchange.run(SilentConsole())
    headers = {**response.headers, REQUEST_ID_HEADER: exchange.request_id}
    answer = HttpResponse(response.body, response.code, headers)
    await answer(exchange.request.scope, exchange.request.receive, send)


async def _send_stream(exchange: _Exchange, send: Send) -> None:
    headers = {
        "content-type": MEDIA_TYPE,
        "cache-control": "no-store",
        "x-accel-buffering": "no",  # nginx would otherwise hold the lines back
        REQUEST_ID_HEADER.lower(): exchange.request_id,
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": _OK, "headers": raw})

    async def write(line: bytes) -> None:
        await send({"type": "http.response.body", "body": line, "more_body": True})

    await stream(exchange.run, write)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class _ClientGone(Exception):
    """The client closed its connection before it was answered."""


@asynccontextmanager
async def _while_connected(receive: Receive) -> AsyncIterator[None]:
    """Cancel the block when the client goes away, wait until it has cleaned up, and end quietly.

    Watching starts only after a moment: most requests are answered within it, and a task for each would cost more
    than answering does.
    """
    watchers: list[asyncio.Task[None]] = []
    try:
        async with asyncio.TaskGroup() as group:

            def watch() -> None:
                watchers.append(group.create_task(_until_gone(receive)))

            timer = asyncio.get_running_loop().call_later(_SECONDS_UNWATCHED, watch)
            try:
                yield
            finally:
                timer.cancel()
            for watcher in watchers:
                watcher.cancel()
    except* _ClientGone:
        log.info("the client went away; its request is cancelled")


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _ClientGone
