"""Authorization: which header answers a registry's challenge, for one registry and one identity."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from functools import partial

import httpx

from registry import metrics
from registry.challenge import Challenge, parse_challenges
from registry.credentials import Credentials
from registry.endpoint import Access
from registry.errors import CredentialsUnavailable, RegistryError
from registry.limits import LARGEST_TOKEN_ANSWER, Limits
from registry.names import Repository
from registry.redirects import check_address
from registry.retry import Retry
from registry.scope import Scope
from registry.token import Token, TokenKey, TokenStore, basic_authorization, key_for, read_token, token_request
from registry.translation import Purpose, connection_failed, not_a_registry, refusal

_MOST_DEMANDS = 1024
_SECONDS_BETWEEN_GUESSES = 300.0
_HAS_EXPIRED = re.compile(rb"(?i)token has expired|expired token|ExpiredToken")
"""What Amazon ECR says with status 403 where others would answer 401."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a request carries: a header, or None before the registry asked for one; and as whom."""

    header: str | None = field(default=None, repr=False)
    credentials: Credentials | None = None

    @property
    def username(self) -> str:
        """Whom the registry sees, or empty for nobody."""
        return self.credentials.username if self.credentials else ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no error may repeat: the header is as good as a password, for whoever reads it."""
        known = (self.credentials.password, self.credentials.identity_token) if self.credentials else ()
        return tuple(filter(None, ((self.header or "").partition(" ")[2], *known)))


class Authorizer:
    """Remembers what the registry asks for, so that later requests carry the right header at once."""

    def __init__(
        self, access: Access, engine: httpx.AsyncBaseTransport, tokens: TokenStore, limits: Limits, retry: Retry
    ) -> None:
        self._access = access
        self._engine = engine
        self._tokens = tokens
        self._limits = limits
        self._retry = retry
        self._challenge: Challenge | None = None
        self._renewed_at = float("-inf")
        self._demands: dict[tuple[Scope, ...], str] = {}
        """Scopes that the registry wanted beyond those that we would have asked for."""

    async def authorization(self, scopes: tuple[Scope, ...]) -> Authorization:
        """What a request for these scopes carries. Raises CredentialsUnavailable."""
        credentials = await self._credentials(scopes)
        if self._challenge is None:
            return Authorization(None, credentials)
        try:
            return Authorization(await self._header(self._challenge, scopes, credentials), credentials)
        except RegistryError:
            # The registry may have moved on to another token server: its next 401 says.
            self._challenge = None
            raise

    async def answer(
        self, response: httpx.Response, body: bytes, scopes: tuple[Scope, ...], sent: Authorization
    ) -> Authorization | None:
        """What answers a refusal, or None when there is nothing better than what was sent.

        Only the registry's own 401 is answered (a redirect's host gets no credentials), and its 403 for a login that
        has expired.
        """
        if response.url.netloc != httpx.URL(self._access.endpoint.url).netloc:
            return None
        current = await self.authorization(scopes)
        if sent.header is not None and current.credentials != sent.credentials:
            # Another request has found out meanwhile, and logged in anew.
            return current
        if response.status_code == httpx.codes.FORBIDDEN:
            may_be = _HAS_EXPIRED.search(body) or (response.request.method == "HEAD" and self._is_due())
            return await self._renewed(scopes, sent) if may_be else None
        challenge = _best(parse_challenges(response.headers.get_list("WWW-Authenticate")))
        if challenge is None:
            return None
        self._remember_demand(challenge.parameters.get("scope", ""), scopes)
        if challenge.scheme == "basic" and (sent.header or "").startswith("Basic "):
            return await self._renewed(scopes, sent)
        credentials = sent.credentials
        if sent.header is not None:
            # The token was refused: expired early, revoked, or without a scope that the challenge now names.
            self._tokens.forget(self._key(challenge, scopes, credentials), sent.header.removeprefix("Bearer "))
        better = Authorization(await self._header(challenge, scopes, credentials), credentials)
        # Only one that could be answered is remembered: a broken one must not stand in the way of later requests.
        self._challenge = challenge
        return better if better.header != sent.header else None

    def _remember_demand(self, demanded: str, scopes: tuple[Scope, ...]) -> None:
        if demanded:
            if len(self._demands) >= _MOST_DEMANDS:
                self._demands.clear()
            self._demands[scopes] = demanded

    def _is_due(self) -> bool:
        # The answer to a HEAD has no words that tell «expired» from «not allowed».
        return self._tokens.clock() - self._renewed_at >= _SECONDS_BETWEEN_GUESSES

    async def _renewed(self, scopes: tuple[Scope, ...], sent: Authorization) -> Authorization | None:
        if self._challenge is None or sent.credentials is None:
            return None
        self._renewed_at = self._tokens.clock()
        self._access.keychain.forget(sent.credentials)
        renewed = await self.authorization(scopes)
        return renewed if renewed.header != sent.header else None

    async def _credentials(self, scopes: tuple[Scope, ...]) -> Credentials | None:
        repository = Repository(self._access.registry, scopes[0].path) if scopes else None
        return await self._access.keychain.resolve(repository, self._access.registry.host)

    def _key(self, challenge: Challenge, scopes: tuple[Scope, ...], credentials: Credentials | None) -> TokenKey:
        return key_for(challenge, scopes, credentials, self._demands.get(scopes, ""))

    async def _header(
        self, challenge: Challenge, scopes: tuple[Scope, ...], credentials: Credentials | None
    ) -> str | None:
        if challenge.scheme == "basic":
            return basic_authorization(credentials) if credentials else None
        key = self._key(challenge, scopes, credentials)
        return f"Bearer {await self._tokens.get(key, lambda: self._ask_for_token(key, credentials))}"

    async def _ask_for_token(self, key: TokenKey, credentials: Credentials | None) -> Token:
        as_whom = Authorization(basic_authorization(credentials) if credentials else None, credentials)
        purpose = Purpose(f"log in to {self._access.registry}", _host_of(key.realm), as_whom.username, as_whom.secrets)
        await self._check_realm(key.realm, purpose)
        return await self._retry.run(partial(self._ask_once, key, credentials, purpose))

    async def _ask_once(self, key: TokenKey, credentials: Credentials | None, purpose: Purpose) -> Token:
        response, body = await self._exchange(token_request(key, credentials), purpose)
        if response.status_code != httpx.codes.OK:
            metrics.TOKENS.labels(self._access.registry.host, "refused").inc()
            raise refusal(response, body, purpose)
        return read_token(body, self._access.registry.host, self._tokens.clock())

    async def _check_realm(self, realm: str, purpose: Purpose) -> None:
        try:
            address = httpx.URL(realm)
        except (httpx.InvalidURL, TypeError) as error:
            raise not_a_registry(purpose, "a challenge whose realm is no address") from error
        await check_address(address, self._access.endpoint, purpose, "a token server")

    async def _exchange(self, request: httpx.Request, purpose: Purpose) -> tuple[httpx.Response, bytes]:
        limit = self._limits.token
        request.extensions = {"timeout": {"connect": self._limits.connect, "read": limit, "write": limit}}
        request.headers["User-Agent"] = self._limits.user_agent
        try:
            async with asyncio.timeout(limit):
                response = await self._engine.handle_async_request(request)
                response.request = request
                try:
                    return response, await self._read(response, purpose)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, OSError) as error:
            raise connection_failed(error, purpose) from error

    async def _read(self, response: httpx.Response, purpose: Purpose) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > LARGEST_TOKEN_ANSWER:
                raise CredentialsUnavailable(
                    purpose.action, f"{purpose.host} answered without end", "Check the registry's configuration."
                )
        return bytes(body)


def _best(challenges: list[Challenge]) -> Challenge | None:
    by_scheme = {challenge.scheme: challenge for challenge in reversed(challenges)}
    bearer = by_scheme.get("bearer")
    return bearer if bearer and bearer.parameters.get("realm") else by_scheme.get("basic")


def _host_of(url: str) -> str:
    try:
        return httpx.URL(url).netloc.decode() or "the token server"
    except (httpx.InvalidURL, TypeError):
        return "the token server"
