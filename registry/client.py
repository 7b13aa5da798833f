"""The one client of every registry: shared connections, tokens and bounds; a Remote for each registry and identity."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import TracebackType
from typing import Self

from registry.authorization import Authorizer
from registry.bounds import HostBounds
from registry.cache import Cache
from registry.credentials import ANONYMOUS, Keychain
from registry.endpoint import TLS, Access, Endpoint
from registry.engines import Engines
from registry.fairness import Transfers
from registry.known import Known
from registry.layers import Layers
from registry.limits import Limits
from registry.registries import Mirror, Registries
from registry.remote import Remote
from registry.retry import Retry
from registry.sources import Sources
from registry.token import TokenStore
from registry.transport import Transport

_MOST_REMOTES = 1024


class RegistryClient:
    """What a process shares between all registries. Opens connections when they are first needed."""

    def __init__(
        self,
        limits: Limits | None = None,
        retry: Retry | None = None,
        registries: Registries | None = None,
        ambient: Keychain = ANONYMOUS,
        cache: Cache | None = None,
    ) -> None:
        """`ambient` finds credentials where an access brings none, and for mirrors."""
        self.limits = limits or Limits()
        self._retry = retry or Retry()
        self._registries = registries or Registries()
        self._ambient = ambient
        self._cache = cache or Cache.in_memory()
        self._tokens = TokenStore()
        self._bounds = HostBounds(self.limits.requests_per_host)
        self._transfers = Transfers(self.limits.large_transfers, self.limits.small_transfers)
        self._engines: dict[str, Engines] = {}
        self._remotes: dict[str, Remote] = {}
        self._mirrors: dict[Mirror, tuple[Transport, ...]] = {}

    def remote(self, access: Access) -> Remote:
        """One registry as one identity sees it; equal accesses share what was learned of the registry."""
        remote = self._remotes.get(access.identity)
        if remote is None:
            if len(self._remotes) >= _MOST_REMOTES:
                self._remotes.pop(next(iter(self._remotes)))
            remote = self._remotes[access.identity] = self._new_remote(self._completed(access))
        return remote

    def _completed(self, access: Access) -> Access:
        """With this machine's own login and certificates where the access brings none."""
        keychain = self._ambient if access.keychain == ANONYMOUS else access.keychain
        tls = self._registries.tls(access.registry) if access.tls == TLS() else access.tls
        return replace(access, keychain=keychain, tls=tls)

    def _new_remote(self, access: Access) -> Remote:
        transport = self._transport(access, self._retry)
        return Remote(
            transport,
            Sources(transport, self._registries, self._open_mirror),
            Known(self._cache, access.registry, access.identity),
            Layers(self._cache, access.identity),
            self._transfers,
        )

    def _open_mirror(self, mirror: Mirror) -> tuple[Transport, ...]:
        if mirror not in self._mirrors:
            tls = self._registries.tls(mirror.registry, insecure=mirror.insecure)
            ways = [Endpoint.of(mirror.registry)]
            if mirror.insecure and ways[0].url.startswith("https:"):
                ways.append(Endpoint.of(mirror.registry, "http"))
            # Going on to the next source is a mirror's way of trying again.
            once = replace(self._retry, attempts=1)
            self._mirrors[mirror] = tuple(self._transport(Access(way, self._ambient, tls), once) for way in ways)
        return self._mirrors[mirror]

    def _transport(self, access: Access, retry: Retry) -> Transport:
        engines = self._engines_for(access.tls)
        authorizer = Authorizer(access, engines.small, self._tokens, self.limits, retry)
        return Transport(access, engines, authorizer, self._bounds, self.limits, retry)

    def _engines_for(self, tls: TLS) -> Engines:
        if tls.identity not in self._engines:
            self._engines[tls.identity] = Engines.of(tls)
        return self._engines[tls.identity]

    async def aclose(self) -> None:
        """Close every connection, and the cache."""
        engines = list(self._engines.values())
        self._engines.clear()
        self._remotes.clear()
        self._mirrors.clear()
        await asyncio.gather(*(each.aclose() for each in engines))
        await asyncio.to_thread(self._cache.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
