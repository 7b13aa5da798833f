"""The layers on this machine's disk, as one identity sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from registry import metrics
from registry.cache import Cache
from registry.descriptor import Descriptor
from registry.layer_check import LayerCheck


class Layers:
    """Takes layers from the cache and keeps them there; without a cache there are none."""

    def __init__(self, cache: Cache, identity: str) -> None:
        self._cache = cache
        self._identity = identity

    @asynccontextmanager
    async def turn(self, layer: Descriptor) -> AsyncIterator[None]:
        """One fetch of a layer at a time: who comes second finds it in the cache."""
        if self._cache.layers is None:
            yield
            return
        async with self._cache.layers.turn(await self._owner(), layer.digest):
            yield

    async def take(self, layer: Descriptor, target: Path, start: int) -> bool:
        """Put a verified layer to where it is wanted; False when it has to be fetched."""
        if self._cache.layers is None:
            return False
        taken = await self._cache.layers.take(await self._owner(), layer, target, start)
        metrics.count_cached("layer", found=taken)
        return taken

    def new_check(self, layer: Descriptor) -> LayerCheck | None:
        """What `keep` wants to know of a layer's bytes: to be fed with them as they pass. None without a cache."""
        return None if self._cache.layers is None else self._cache.layers.new_check(layer.digest)

    async def keep(self, layer: Descriptor, source: Path, start: int, check: LayerCheck | None) -> None:
        """Keep a layer that has just been fetched and verified."""
        if self._cache.layers is not None and check is not None:
            await self._cache.layers.keep(await self._owner(), layer, source, start, check)

    async def _owner(self) -> str:
        return await self._cache.owner(self._identity)
