"""The two engines below httpx's interface: one for questions, one for blobs' bytes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache, partial

import httpx

from registry.bulk.engine import BulkEngine
from registry.endpoint import TLS
from registry.engine import AiohttpEngine
from registry.proxies import Proxies
from registry.tls import ssl_context


@dataclass(frozen=True, slots=True)
class Engines:
    """What sends requests to the hosts of a registry."""

    small: httpx.AsyncBaseTransport
    """For many small answers at once."""
    bulk: httpx.AsyncBaseTransport
    """For bodies of any size; its answers can be poured."""

    @classmethod
    def of(cls, tls: TLS) -> Engines:
        """Engines for these TLS settings, with the proxies of the environment as it is now."""
        new_context, proxies = cache(partial(ssl_context, tls)), Proxies.from_environment()
        return cls(AiohttpEngine(new_context, proxies), BulkEngine(new_context, proxies.of))

    async def aclose(self) -> None:
        """Close every connection."""
        await asyncio.gather(self.small.aclose(), self.bulk.aclose())
