"""Bearer tokens: asked for once for many, kept until they are nearly used up, never when asking failed."""

from __future__ import annotations

import base64
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel, ValidationError

from registry import metrics
from registry.challenge import Challenge
from registry.credentials import Credentials
from registry.errors import CredentialsUnavailable
from registry.scope import Scope, united
from registry.single_flight import SingleFlight

_CLIENT_ID = "gocd-registry-plugin"
_SHARE_OF_LIFE = 0.8
_DEFAULT_LIFE = 60.0
_MOST_TOKENS = 4096
_TOKEN = re.compile(r"[!-~]+")
"""More than RFC 6750 allows, and nothing that could end a header."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What a token is for; the identity stands there as a fingerprint."""

    realm: str
    service: str
    scopes: tuple[str, ...]
    identity: str


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and the moment (monotonic seconds) from which it is renewed."""

    value: str = field(repr=False)
    renew_at: float


class TokenStore:
    """Tokens by key, with one request under way per key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._tokens: dict[TokenKey, Token] = {}
        self._asking: SingleFlight[TokenKey, Token] = SingleFlight()

    async def get(self, key: TokenKey, ask: Callable[[], Awaitable[Token]]) -> str:
        """The token of this key, from the store or by asking. What asking raises is raised to all who wait."""
        token = self._tokens.get(key)
        if token is None or self.clock() >= token.renew_at:
            token = await self._asking.do(key, lambda: self._ask(key, ask))
        return token.value

    def forget(self, key: TokenKey, refused: str) -> None:
        """Drop a token that was refused, but not the one that has taken its place meanwhile."""
        token = self._tokens.get(key)
        if token and token.value == refused:
            del self._tokens[key]

    async def _ask(self, key: TokenKey, ask: Callable[[], Awaitable[Token]]) -> Token:
        token = await ask()
        if len(self._tokens) >= _MOST_TOKENS:
            self._tokens.pop(next(iter(self._tokens)))
        self._tokens[key] = token
        return token


class TokenAnswer(BaseModel):
    """A token server's answer; `token` and `access_token` are the same thing under two names."""

    token: str | None = None
    access_token: str | None = None
    expires_in: object = None


def key_for(
    challenge: Challenge, scopes: tuple[Scope, ...], credentials: Credentials | None, demanded: str = ""
) -> TokenKey:
    """The key of the token that answers this challenge, for our scopes and those that the registry demanded."""
    wanted = [*demanded.split(), *map(str, scopes)]
    return TokenKey(
        realm=challenge.parameters.get("realm", ""),
        service=challenge.parameters.get("service", ""),
        scopes=united(wanted),
        identity=credentials.fingerprint if credentials else "",
    )


def token_request(key: TokenKey, credentials: Credentials | None) -> httpx.Request:
    """The request for a token: POST with an identity token (OAuth2), GET with a password or nobody's."""
    service = {"service": key.service} if key.service else {}
    if credentials and credentials.identity_token:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credentials.identity_token,
            "client_id": _CLIENT_ID,
            "scope": " ".join(key.scopes),
            **service,
        }
        return httpx.Request("POST", key.realm, data=form)
    headers = {"Authorization": basic_authorization(credentials)} if credentials else {}
    account = {"account": credentials.username} if credentials else {}
    url = httpx.URL(key.realm).copy_merge_params({**service, "scope": key.scopes, **account})
    return httpx.Request("GET", url, headers=headers)


def read_token(body: bytes, host: str, now: float) -> Token:
    """Read a token server's answer. Raises CredentialsUnavailable."""
    try:
        answer = TokenAnswer.model_validate_json(body)
    except ValidationError:
        answer = TokenAnswer()
    value = answer.token or answer.access_token
    if not value or not _TOKEN.fullmatch(value):
        metrics.TOKENS.labels(host, "unreadable").inc()
        raise CredentialsUnavailable(
            f"log in to {host}", "its token server answered without a token", "Check the registry's configuration."
        )
    metrics.TOKENS.labels(host, "obtained").inc()
    return Token(value, now + _life(answer.expires_in) * _SHARE_OF_LIFE)


def _life(said: object) -> float:
    try:
        seconds = float(str(said))
    except ValueError:
        return _DEFAULT_LIFE
    return max(seconds, 1.0) if 0 < seconds < math.inf else _DEFAULT_LIFE


def basic_authorization(credentials: Credentials) -> str:
    """The value of a Basic `Authorization` header."""
    pair = f"{credentials.username}:{credentials.password or credentials.identity_token}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
