"""The one client of every registry: shared connections, tokens and bounds; a Remote for each registry and identity."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import httpx

from registry.authorization import Authorizer
from registry.endpoint import TLS, Access
from registry.limits import HostBounds, Limits
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
        self._http_by_tls: dict[str, httpx.AsyncClient] = {}
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
        http = self._http(access.tls)
        authorizer = Authorizer(access, http, self._tokens, self.limits, self._retry)
        transport = Transport(access, http, authorizer, self._bounds, self.limits, self._retry)
        return Remote(transport, self._transfers)

    def _http(self, tls: TLS) -> httpx.AsyncClient:
        if tls.identity not in self._http_by_tls:
            # Bounds per host are ours; the pool must never be the narrower one.
            pool = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30)
            self._http_by_tls[tls.identity] = httpx.AsyncClient(
                verify=ssl_context(tls), limits=pool, headers={"User-Agent": "gocd-registry-plugin"}
            )
        return self._http_by_tls[tls.identity]

    async def aclose(self) -> None:
        """Close every connection."""
        clients = list(self._http_by_tls.values())
        self._http_by_tls.clear()
        self._remotes.clear()
        await asyncio.gather(*(client.aclose() for client in clients))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
