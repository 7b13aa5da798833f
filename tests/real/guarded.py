"""A registry behind a login, and its token server, both scripted: for what real ones can't be made to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running

Answer = Callable[[], Awaitable[Response]]


@dataclass
class Asked:
    """A request for a token."""

    method: str
    scopes: tuple[str, ...]
    authorization: str
    form: dict[str, list[str]]


@dataclass
class Guarded:
    """Lets in who brings a token that it gave; demands more scopes if it is told to."""

    behind: ASGIApp
    realm: str = ""
    challenge: str = 'Bearer realm="{realm}",service="s",scope="{scope}"'
    demanded: str = ""
    """A scope without which no token is good."""
    answers: list[Answer] = field(default_factory=list)
    """What the token server says next; when they are used up it gives tokens."""
    asked: list[Asked] = field(default_factory=list)
    refused: int = 0
    uses_per_token: int = 10**9
    _uses: dict[str, int] = field(default_factory=dict)
    _scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = Request(scope).headers.get("Authorization", "").removeprefix("Bearer ")
        if self._lets_in(token):
            await self.behind(scope, receive, send)
            return
        self.refused += 1
        wanted = self.demanded or "repository:unknown:pull"
        error = ', error="insufficient_scope"' if token else ""
        header = self.challenge.replace("{realm}", self.realm).replace("{scope}", wanted) + error
        await Response(status_code=401, headers={"WWW-Authenticate": header})(scope, receive, send)

    def _lets_in(self, token: str) -> bool:
        if token not in self._scopes or (self.demanded and self.demanded not in self._scopes[token]):
            return False
        self._uses[token] += 1
        return self._uses[token] <= self.uses_per_token

    async def give_token(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The token server."""
        request = Request(scope, receive)
        form = parse_qs((await request.body()).decode())
        scopes = tuple(request.query_params.getlist("scope")) or tuple(" ".join(form.get("scope", [])).split())
        self.asked.append(Asked(request.method, scopes, request.headers.get("Authorization", ""), form))
        response = await self.answers.pop(0)() if self.answers else self._token(scopes)
        await response(scope, receive, send)

    def _token(self, scopes: tuple[str, ...]) -> Response:
        token = f"token-{len(self._scopes)}"
        self._scopes[token], self._uses[token] = scopes, 0
        return JSONResponse({"token": token, "expires_in": 300})


@contextmanager
def guarded_registry(folder: Path) -> Iterator[tuple[Guarded, str]]:
    """Registry and token server on ports of their own; the registry's address is `host:port`."""
    guarded = Guarded(create_local_registry(folder))

    async def token_server(scope: Scope, receive: Receive, send: Send) -> None:
        await guarded.give_token(scope, receive, send)

    with running(token_server) as token_host, running(guarded) as host:
        guarded.realm = f"http://{token_host}/token"
        yield guarded, host


def says(status: int, body: bytes = b"", **headers: str) -> Answer:
    async def answer() -> Response:
        return Response(body, status, {name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def says_json(body: object) -> Answer:
    return says(200, json.dumps(body).encode())


def stalls(seconds: float = 3) -> Answer:
    async def answer() -> Response:
        await asyncio.sleep(seconds)
        return Response()

    return answer
