"""Authorization: which header answers a registry's challenge, for one registry and one identity."""

from __future__ import annotations

import asyncio

import httpx

from registry import metrics
from registry.challenge import Challenge, parse_challenges
from registry.credentials import Credentials
from registry.endpoint import Access
from registry.errors import CredentialsUnavailable
from registry.limits import LARGEST_TOKEN_ANSWER, Limits
from registry.names import Repository
from registry.redirects import check_address
from registry.retry import Retry
from registry.scope import Scope
from registry.token import Token, TokenKey, TokenStore, basic_authorization, key_for, read_token, token_request
from registry.translation import Purpose, connection_failed, not_a_registry, refusal


class Authorizer:
    """Remembers what the registry asks for, so that later requests carry the right header at once."""

    def __init__(
        self, access: Access, http: httpx.AsyncClient, tokens: TokenStore, limits: Limits, retry: Retry
    ) -> None:
        self._access = access
        self._http = http
        self._tokens = tokens
        self._limits = limits
        self._retry = retry
        self._challenge: Challenge | None = None

    async def credentials(self, scopes: tuple[Scope, ...]) -> Credentials | None:
        """The credentials for these scopes' repository. Raises CredentialsUnavailable."""
        repository = Repository(self._access.registry, scopes[0].path) if scopes else None
        return await self._access.keychain.resolve(repository, self._access.registry.host)

    async def header(self, scopes: tuple[Scope, ...]) -> str | None:
        """The `Authorization` header for a request, or None before the registry asked for one."""
        if self._challenge is None:
            return None
        return await self._header_for(self._challenge, scopes)

    async def answer(self, response: httpx.Response, scopes: tuple[Scope, ...], sent: str | None) -> str | None:
        """The header that answers a 401, or None when there is nothing better than what was sent.

        Only the registry's own 401 is answered (a redirect's host gets no credentials).
        """
        if response.url.netloc != httpx.URL(self._access.endpoint.url).netloc:
            return None
        challenge = _best(parse_challenges(response.headers.get_list("WWW-Authenticate")))
        if challenge is None:
            return None
        self._challenge = Challenge(
            challenge.scheme, {key: value for key, value in challenge.parameters.items() if key != "scope"}
        )
        if sent is not None and challenge.scheme == "bearer":
            # The token was refused: expired early, revoked, or without a scope that the challenge now names.
            credentials = await self.credentials(scopes)
            for asked in (self._challenge, challenge):
                self._tokens.forget(key_for(asked, scopes, credentials), sent.removeprefix("Bearer "))
        header = await self._header_for(challenge, scopes)
        return header if header != sent else None

    async def _header_for(self, challenge: Challenge, scopes: tuple[Scope, ...]) -> str | None:
        credentials = await self.credentials(scopes)
        if challenge.scheme == "basic":
            return basic_authorization(credentials) if credentials else None
        key = key_for(challenge, scopes, credentials)
        return f"Bearer {await self._tokens.get(key, lambda: self._ask_for_token(key, credentials))}"

    async def _ask_for_token(self, key: TokenKey, credentials: Credentials | None) -> Token:
        purpose = Purpose(
            f"log in to {self._access.registry}", _host_of(key.realm), credentials.username if credentials else ""
        )
        await self._check_realm(key.realm, purpose)
        async for attempt in self._retry.attempting():
            with attempt:
                response, body = await self._exchange(token_request(key, credentials), purpose)
                if response.status_code != httpx.codes.OK:
                    metrics.TOKENS.labels(self._access.registry.host, "refused").inc()
                    raise refusal(response, body, purpose)
                return read_token(body, self._access.registry.host, self._tokens.clock())
        raise AssertionError("an attempt either returns or raises")

    async def _check_realm(self, realm: str, purpose: Purpose) -> None:
        try:
            address = httpx.URL(realm)
        except (httpx.InvalidURL, TypeError) as error:
            raise not_a_registry(purpose, "a challenge whose realm is no address") from error
        await check_address(address, self._access.endpoint, purpose, "a token server")

    async def _exchange(self, request: httpx.Request, purpose: Purpose) -> tuple[httpx.Response, bytes]:
        limit = httpx.Timeout(self._limits.token, connect=self._limits.connect)
        request.extensions = {"timeout": limit.as_dict()}
        try:
            async with asyncio.timeout(self._limits.token):
                response = await self._http.send(request, stream=True, follow_redirects=False, auth=None)
                try:
                    body = bytearray()
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        if len(body) > LARGEST_TOKEN_ANSWER:
                            raise CredentialsUnavailable(purpose.action, f"{purpose.host} answered without end")
                    return response, bytes(body)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise connection_failed(httpx.ReadTimeout("token"), purpose) from error
        except (httpx.HTTPError, OSError) as error:
            raise connection_failed(error, purpose) from error


def _best(challenges: list[Challenge]) -> Challenge | None:
    by_scheme = {challenge.scheme: challenge for challenge in reversed(challenges)}
    bearer = by_scheme.get("bearer")
    return bearer if bearer and bearer.parameters.get("realm") else by_scheme.get("basic")


def _host_of(url: str) -> str:
    try:
        return httpx.URL(url).netloc.decode() or "the token server"
    except (httpx.InvalidURL, TypeError):
        return "the token server"
