"""Requests to one registry as one identity: authorized, bounded, repeated where that is safe, redirected with care."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import httpx

from registry import metrics
from registry.authorization import Authorization, Authorizer
from registry.bounds import HostBounds
from registry.endpoint import Access
from registry.engines import Engines
from registry.errors import RegistryError
from registry.exchange import Answer, Ask
from registry.limits import LARGEST_ERROR_BODY, Limits
from registry.redirects import check_redirect
from registry.retry import Retry
from registry.translation import Purpose, connection_failed, not_a_registry, refusal

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_LOGINS = 3
"""Without a header, with one that had expired, and with a new one."""
_LOGIN_REFUSED = frozenset({401, 403})


class Transport:
    """Sends requests to one registry as one identity."""

    def __init__(
        self,
        access: Access,
        engines: Engines,
        authorizer: Authorizer,
        bounds: HostBounds,
        limits: Limits,
        retry: Retry,
    ) -> None:
        self.access = access
        self.limits = limits
        self.retry = retry
        self._engines = engines
        self._authorizer = authorizer
        self._bounds = bounds
        self._base = httpx.URL(access.endpoint.url)
        self._host = self._base.netloc.decode()

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator[httpx.Response]:
        """Send, and give the answer with its body unread. Raises a RegistryError for any unexpected status."""
        answer = await self._with_retries(ask)
        try:
            yield answer.response
        finally:
            await answer.aclose()

    async def read(self, ask: Ask, largest: int = LARGEST_ERROR_BODY) -> tuple[httpx.Response, bytes]:
        """Send, and read the whole body of at most this many bytes. A body that was cut is asked for again."""
        if not ask.may_be_repeated:
            return await self._read_once(ask, largest)
        ask = ask if ask.seconds else replace(ask, seconds=self.limits.page)
        return await self.retry.run(partial(self._read_once, ask, largest), self._count_retry)

    async def _read_once(self, ask: Ask, largest: int) -> tuple[httpx.Response, bytes]:
        answer = await self._authorized(ask)
        try:
            async with asyncio.timeout(ask.seconds or self.limits.page):
                return answer.response, await answer.read(ask.action, largest)
        except TimeoutError as error:
            raise connection_failed(error, Purpose(ask.action, answer.host)) from error
        finally:
            await answer.aclose()

    async def _with_retries(self, ask: Ask) -> Answer:
        if not ask.may_be_repeated:
            return await self._authorized(ask)
        return await self.retry.run(partial(self._authorized, ask), self._count_retry)

    async def _authorized(self, ask: Ask) -> Answer:
        authorization = await self._authorizer.authorization(ask.scopes)
        for tries_left in reversed(range(_MOST_LOGINS)):
            answer = await self._followed(ask, authorization)
            if answer.response.status_code in ask.expected:
                return answer
            body = await self._error_body(answer)
            better = await self._better(ask, answer.response, body, authorization)
            # A body that was streamed is gone: whoever streams it tries again, with what was learned here.
            if better is None or ask.is_streamed or not tries_left:
                break
            authorization = better
        raise self._refused(ask, answer.response, body, authorization)

    async def _better(
        self, ask: Ask, response: httpx.Response, body: bytes, sent: Authorization
    ) -> Authorization | None:
        if response.status_code not in _LOGIN_REFUSED:
            return None
        return await self._authorizer.answer(response, body, ask.scopes, sent)

    async def _error_body(self, answer: Answer) -> bytes:
        try:
            async with asyncio.timeout(self.limits.page):
                return await answer.read_error()
        except TimeoutError:
            return b""
        finally:
            await answer.aclose()

    def _refused(self, ask: Ask, response: httpx.Response, body: bytes, as_whom: Authorization) -> RegistryError:
        purpose = self._purpose(ask, as_whom)
        if response.is_error:
            return refusal(response, body, purpose)
        return not_a_registry(purpose, f"status {response.status_code}")

    def _purpose(self, ask: Ask, as_whom: Authorization) -> Purpose:
        host = httpx.URL(ask.path).netloc.decode() if "://" in ask.path else self._host
        return Purpose(ask.action, host, as_whom.username, as_whom.secrets)

    async def _followed(self, ask: Ask, authorization: Authorization) -> Answer:
        url = httpx.URL(ask.path) if "://" in ask.path else httpx.URL(self.access.endpoint.url + ask.path)
        for _ in range(_MOST_REDIRECTS + 1):
            own = (url.scheme, url.netloc) == (self._base.scheme, self._base.netloc)
            answer = await self._send(ask, url, authorization.header if own else None)
            may_follow = ask.is_safe and answer.response.status_code in _REDIRECTS
            location = answer.response.headers.get("Location") if may_follow else None
            if not location:
                return answer
            await answer.aclose()
            url = await check_redirect(url, location, self.access.endpoint, self._purpose(ask, authorization))
        raise not_a_registry(self._purpose(ask, authorization), f"more than {_MOST_REDIRECTS} redirects")

    async def _send(self, ask: Ask, url: httpx.URL, authorization: str | None) -> Answer:
        host = url.netloc.decode()
        bound = self._bounds.of(host)
        await bound.enter()
        began = time.monotonic()
        try:
            request = self._request(ask, url, authorization)
            engine = self._engines.bulk if ask.is_bulk else self._engines.small
            async with asyncio.timeout(self._until_answered(ask)):
                response = await engine.handle_async_request(request)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            bound.leave()
            metrics.REQUESTS.labels(host, ask.method, "none").inc()
            raise connection_failed(error, Purpose(ask.action, host)) from error
        except UnicodeError as error:
            bound.leave()
            # A name that the rules for international ones refuse, be it the host's or its proxy's.
            raise connection_failed(httpx.InvalidURL(str(error)), Purpose(ask.action, host)) from error
        except BaseException:
            bound.leave()
            raise
        response.request = request
        metrics.count(host, ask.method, response, time.monotonic() - began)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            bound.too_many(began)
        else:
            bound.answered()
        return Answer(response, bound)

    def _until_answered(self, ask: Ask) -> float | None:
        # The engine limits each read: an answer that drips in would never be too late. Uploads take their time.
        return None if ask.is_streamed else self.limits.connect + (ask.seconds or self.limits.idle)

    def _request(self, ask: Ask, url: httpx.URL, authorization: str | None) -> httpx.Request:
        headers = {"User-Agent": self.limits.user_agent, "Accept-Encoding": "identity", **ask.headers}
        if authorization:
            headers["Authorization"] = authorization
        read = self.limits.commit if ask.is_streamed else ask.seconds or self.limits.idle
        times = {"connect": self.limits.connect, "read": read, "write": self.limits.idle}
        return httpx.Request(ask.method, url, headers=headers, content=ask.body, extensions={"timeout": times})

    def _count_retry(self) -> None:
        metrics.RETRIES.labels(self._host).inc()
