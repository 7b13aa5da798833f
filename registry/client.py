"""The one client of every registry: shared connections, tokens and bounds; a Remote for each registry and identity."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from registry.authorization import Authorizer
from registry.bounds import HostBounds
from registry.endpoint import TLS, Access
from registry.engine import AiohttpEngine
from registry.limits import Limits
from registry.proxies import Proxies
from registry.remote import Remote
from registry.retry import Retry
from registry.tls import ssl_context
from registry.token import TokenStore
from registry.transport import Transport

_MOST_REMOTES = 1024


class RegistryClient:
    """What a process shares between all registries. Opens connections when they are first needed."""

    def __init__(self, limits: Limits | None = None, retry: Retry | None = None) -> None:
        self.limits = limits or Limits()
        self._retry = retry or Retry()
        self._tokens = TokenStore()
        self._bounds = HostBounds(self.limits.requests_per_host)
        self._transfers = asyncio.Semaphore(self.limits.transfers)
        self._engines: dict[str, AiohttpEngine] = {}
        self._remotes: dict[str, Remote] = {}

    def remote(self, access: Access) -> Remote:
        """One registry as one identity sees it; equal accesses share what was learned of the registry.

        Raises CredentialsUnavailable when TLS certificates can't be read.
        """
        remote = self._remotes.get(access.identity)
        if remote is None:
            if len(self._remotes) >= _MOST_REMOTES:
                self._remotes.pop(next(iter(self._remotes)))
            remote = self._remotes[access.identity] = self._new_remote(access)
        return remote

    def _new_remote(self, access: Access) -> Remote:
        engine = self._engine(access.tls)
        authorizer = Authorizer(access, engine, self._tokens, self.limits, self._retry)
        transport = Transport(access, engine, authorizer, self._bounds, self.limits, self._retry)
        return Remote(transport, self._transfers)

    def _engine(self, tls: TLS) -> AiohttpEngine:
        if tls.identity not in self._engines:
            self._engines[tls.identity] = AiohttpEngine(ssl_context(tls), Proxies.from_environment())
        return self._engines[tls.identity]

    async def aclose(self) -> None:
        """Close every connection."""
        engines = list(self._engines.values())
        self._engines.clear()
        self._remotes.clear()
        await asyncio.gather(*(engine.aclose() for engine in engines))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
