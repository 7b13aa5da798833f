"""Registries that are functions: for what is decided above the wire, and for input by the thousand."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

import httpx
import pytest

from registry import redirects
from registry.authorization import Authorizer
from registry.bounds import HostBounds
from registry.bulk.exchange import Take
from registry.credentials import ANONYMOUS, Keychain
from registry.endpoint import Access, Endpoint
from registry.engines import Engines
from registry.limits import Limits
from registry.names import Repository
from registry.retry import Retry
from registry.token import TokenStore
from registry.transport import Transport
from tests.conftest import no_sleep

Handler = Callable[[httpx.Request], httpx.Response]
ENDPOINT = Endpoint.parse("http://127.0.0.1:5000")
REPOSITORY = Repository(ENDPOINT.registry, "team/app")

PUBLIC, PRIVATE, LINK_LOCAL = "93.184.216.34", "10.1.2.3", "169.254.169.254"
NAMES = {
    "registry.example.com": [PUBLIC],
    "cdn.example.com": [PUBLIC],
    "inside.example.com": [PRIVATE],
    "rebound.example.com": [PUBLIC, "127.0.0.1"],
    "metadata.example.com": [LINK_LOCAL],
    "v6.example.com": ["::ffff:127.0.0.1"],
    "nat64.example.com": ["64:ff9b::7f00:1"],
}
"""What names resolve to, for tests that ask `resolving`."""


def resolving(patch: pytest.MonkeyPatch) -> None:
    """Let names resolve as `NAMES` says, and others not at all."""

    async def addresses(host: str) -> list[redirects.Address]:
        return [redirects._unwrapped(ipaddress.ip_address(address)) for address in NAMES.get(host, [])]

    patch.setattr(redirects, "_addresses", addresses)


class FunctionEngine(httpx.AsyncBaseTransport):
    """Both engines, made of a function; reads the whole body that is sent."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        list(request.stream)
        return self._handler(request)


class Body(httpx.ByteStream):
    """An answer's body that can be poured."""

    async def pour(self, take: Take) -> None:
        for piece in self:
            take(memoryview(piece))


def transport_of(handler: Handler, endpoint: Endpoint = ENDPOINT, keychain: Keychain = ANONYMOUS) -> Transport:
    """A transport whose registry, and every other host, is a function."""
    engine, limits = FunctionEngine(handler), Limits(tag_list_age=0)
    retry, access = Retry(attempts=2, sleep=no_sleep), Access(endpoint, keychain)
    authorizer = Authorizer(access, engine, TokenStore(), limits, retry)
    return Transport(access, Engines(engine, engine), authorizer, HostBounds(4), limits, retry)


def response(status: int, headers: Mapping[str, str], body: bytes, request: httpx.Request) -> httpx.Response:
    """An answer; what can't stand in a header at all, no server can send."""
    sendable = [
        (name.encode(), re.sub(r"[\r\n]", "", value).encode("latin-1", "ignore")) for name, value in headers.items()
    ]
    return httpx.Response(status, headers=sendable, stream=Body(body), request=request)


def answering(status: int, headers: Mapping[str, str], body: bytes) -> Handler:
    """The same answer to everything."""
    return lambda request: response(status, headers, body, request)
