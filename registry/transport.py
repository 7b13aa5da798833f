"""Requests to one registry as one identity: authorized, bounded, repeated where that is safe, redirected with care."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from registry import metrics
from registry.authorization import Authorizer
from registry.endpoint import Access
from registry.errors import RegistryError
from registry.limits import LARGEST_ERROR_BODY, HostBounds, Limits
from registry.redirects import check_redirect
from registry.retry import Retry
from registry.scope import Scope
from registry.translation import Purpose, connection_failed, not_a_registry, refusal

_MOST_REDIRECTS = 5
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Body = bytes | AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: what it is for in words, and what is sent."""

    action: str
    method: str
    path: str
    """A path below the endpoint, or an absolute URL that the registry gave."""
    scopes: tuple[Scope, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    expected: frozenset[int] = frozenset({200})
    idle: float | None = None
    """Seconds that each read may take; the limit of a transfer when None."""

    @property
    def may_be_repeated(self) -> bool:
        """Whether sending it twice does no harm: reads, and whole bodies that are put under a name."""
        return self.method in _SAFE_METHODS or (self.method == "PUT" and isinstance(self.body, bytes))


class Transport:
    """Sends requests to one registry as one identity."""

    def __init__(
        self,
        access: Access,
        http: httpx.AsyncClient,
        authorizer: Authorizer,
        bounds: HostBounds,
        limits: Limits,
        retry: Retry,
    ) -> None:
        self.access = access
        self.limits = limits
        self.retry = retry
        self._http = http
        self._authorizer = authorizer
        self._bounds = bounds

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator[httpx.Response]:
        """Send, and give the answer with its body unread. Raises a RegistryError for any unexpected status."""
        async with AsyncExitStack() as stack:
            yield await self._with_retries(ask, stack)

    async def read(self, ask: Ask, largest: int = LARGEST_ERROR_BODY) -> tuple[httpx.Response, bytes]:
        """Send, and read the whole body of at most this many bytes. A body that was cut is asked for again."""
        if not ask.may_be_repeated:
            return await self._read_once(ask, largest)
        async for attempt in self.retry.attempting(self._count_retry):
            with attempt:
                return await self._read_once(ask, largest)
        raise AssertionError("an attempt either returns or raises")

    async def _read_once(self, ask: Ask, largest: int) -> tuple[httpx.Response, bytes]:
        async with AsyncExitStack() as stack:
            response = await self._attempt(ask, stack)
            return response, await self._read_body(response, ask, largest)

    async def _with_retries(self, ask: Ask, stack: AsyncExitStack) -> httpx.Response:
        if not ask.may_be_repeated:
            return await self._attempt(ask, stack)
        async for attempt in self.retry.attempting(self._count_retry):
            with attempt:
                return await self._attempt(ask, stack)
        raise AssertionError("an attempt either returns or raises")

    async def _attempt(self, ask: Ask, stack: AsyncExitStack) -> httpx.Response:
        # What a failed attempt holds (its place at the host, its connection) is given back before the next one.
        async with AsyncExitStack() as own:
            response = await self._authorized(ask, own)
            stack.push_async_callback(own.pop_all().aclose)
            return response

    async def _authorized(self, ask: Ask, stack: AsyncExitStack) -> httpx.Response:
        credentials = await self._authorizer.credentials(ask.scopes)
        purpose = Purpose(ask.action, self._host(ask.path), credentials.username if credentials else "")
        authorization = await self._authorizer.header(ask.scopes)
        first = await stack.enter_async_context(AsyncExitStack())
        response = await self._followed(ask, purpose, authorization, first)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            answered = await self._authorizer.answer(response, ask.scopes, authorization)
            # A body that was streamed is gone: whoever streams it tries again, with what was learned here.
            if answered is not None and not isinstance(ask.body, AsyncIterator):
                await first.aclose()
                response = await self._followed(ask, purpose, answered, stack)
        if response.status_code not in ask.expected:
            body = await self._read_error(response)
            raise refusal(response, body, purpose) if response.is_error else _unexpected(response, purpose)
        return response

    async def _followed(
        self, ask: Ask, purpose: Purpose, authorization: str | None, stack: AsyncExitStack
    ) -> httpx.Response:
        url = httpx.URL(ask.path) if "://" in ask.path else httpx.URL(self.access.endpoint.url + ask.path)
        for _ in range(_MOST_REDIRECTS + 1):
            hop = await stack.enter_async_context(AsyncExitStack())
            own = self._is_own_host(url)
            response = await self._send(ask, purpose, url, authorization if own else None, hop)
            location = response.headers.get("Location")
            if ask.method not in _SAFE_METHODS or response.status_code not in _REDIRECTS or not location:
                return response
            await hop.aclose()
            url = await check_redirect(url, location, self.access.endpoint, purpose)
        raise not_a_registry(purpose, f"more than {_MOST_REDIRECTS} redirects")

    async def _send(
        self, ask: Ask, purpose: Purpose, url: httpx.URL, authorization: str | None, stack: AsyncExitStack
    ) -> httpx.Response:
        host = url.netloc.decode()
        headers = {"Accept-Encoding": "identity", **ask.headers}
        if authorization:
            headers["Authorization"] = authorization
        bound = self._bounds.of(host)
        await stack.enter_async_context(bound.slot())
        began = time.perf_counter()
        try:
            request = self._http.build_request(
                ask.method, url, headers=headers, content=ask.body, timeout=self._timeout(ask)
            )
            response = await self._http.send(request, stream=True, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            metrics.REQUESTS.labels(host, ask.method, "none").inc()
            raise connection_failed(error, Purpose(purpose.action, host, purpose.as_whom)) from error
        stack.push_async_callback(response.aclose)
        metrics.LATENCY.labels(host).observe(time.perf_counter() - began)
        metrics.REQUESTS.labels(host, ask.method, str(response.status_code)).inc()
        metrics.read_rate_limit(host, response.headers.get("RateLimit-Remaining"))
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            metrics.RATE_LIMITED.labels(host).inc()
            bound.too_many()
        else:
            bound.answered()
        return response

    async def _read_body(self, response: httpx.Response, ask: Ask, largest: int) -> bytes:
        purpose = Purpose(ask.action, response.url.netloc.decode())
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > largest:
                    raise not_a_registry(purpose, f"more than {largest} bytes")
        except (httpx.HTTPError, OSError) as error:
            raise connection_failed(error, purpose) from error
        return bytes(body)

    async def _read_error(self, response: httpx.Response) -> bytes:
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > LARGEST_ERROR_BODY:
                    break
        except (httpx.HTTPError, OSError):
            return b""
        return bytes(body[:LARGEST_ERROR_BODY])

    def _timeout(self, ask: Ask) -> httpx.Timeout:
        return httpx.Timeout(ask.idle or self.limits.idle, connect=self.limits.connect, pool=None)

    def _host(self, path: str) -> str:
        return httpx.URL(path).netloc.decode() if "://" in path else self.access.endpoint.url.partition("://")[2]

    def _is_own_host(self, url: httpx.URL) -> bool:
        own = httpx.URL(self.access.endpoint.url)
        return (url.scheme, url.netloc) == (own.scheme, own.netloc)

    def _count_retry(self) -> None:
        metrics.RETRIES.labels(self._host("")).inc()


def _unexpected(response: httpx.Response, purpose: Purpose) -> RegistryError:
    return not_a_registry(purpose, f"status {response.status_code}")
