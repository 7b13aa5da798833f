"""The layers on this machine's disk, as one identity sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

from registry import metrics
from registry.cache import Cache
from registry.descriptor import Descriptor
from registry.fairness import LARGE
from registry.layer_cache import LayerCache
from registry.layer_check import LayerCheck
from registry.names import Digest
from registry.turns import Turn


class Layers:
    """Finds out which layers of an image are in the cache; without a cache none is."""

    def __init__(self, cache: Cache, identity: str) -> None:
        self._cache = cache
        self._identity = identity

    async def of_image(self, layers: Sequence[Descriptor]) -> ImageLayers:
        """Look for all layers of an image at once: to look for each takes as long as to fetch it, where it is small."""
        cache = self._cache.layers
        if cache is None:
            return ImageLayers(None, "", {}, frozenset())
        owner = await self._cache.owner(self._identity)
        # Held before anybody looks: whichever turn ends from now on is seen to have ended.
        turns = {layer.digest: cache.turns.of((owner, layer.digest)) for layer in layers}
        return ImageLayers(cache, owner, turns, await asyncio.to_thread(cache.find, owner, list(turns)))


class ImageLayers:
    """The layers of one image: each is taken from the cache, or fetched and kept there."""

    def __init__(
        self, cache: LayerCache | None, owner: str, turns: Mapping[Digest, Turn], are_here: Set[Digest]
    ) -> None:
        """`are_here` are those that were seen in the cache."""
        self._cache = cache
        self._owner = owner
        self._turns = turns
        self._are_here = are_here

    def turn(self, layer: Descriptor) -> AbstractAsyncContextManager[None]:
        """One fetch of a layer at a time: who comes second finds it in the cache."""
        return self._turns[layer.digest] if self._cache else nullcontext()

    async def take(self, layer: Descriptor, target: Path, start: int) -> bool:
        """Put a verified layer to where it is wanted; False when it has to be fetched."""
        if self._cache is None:
            return False
        # Since the look, somebody here may have fetched it, or another process: worth a look where it is large.
        fetched_since = self._turns[layer.digest].has_ended or layer.size >= LARGE
        may_be_here = layer.digest in self._are_here or fetched_since
        taken = may_be_here and await asyncio.to_thread(self._cache.take, self._owner, layer, target, start)
        metrics.count_cached("layer", found=taken)
        return taken

    def new_check(self, layer: Descriptor) -> LayerCheck | None:
        """What `keep` wants to know of a layer's bytes: to be fed with them as they pass. None without a cache."""
        return self._cache.new_check(layer.digest) if self._cache else None

    def keep(self, layer: Descriptor, source: Path, start: int, check: LayerCheck) -> None:
        """Keep a layer that has just been fetched and verified; blocks."""
        if self._cache:
            self._cache.keep(self._owner, layer, source, start, check)
