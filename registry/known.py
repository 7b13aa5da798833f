"""What is known of a registry's content as one identity saw it: typed, and verified whenever it is used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from registry import metrics
from registry.cache import Cache
from registry.descriptor import Descriptor
from registry.errors import RegistryError
from registry.manifest import Index, Manifest, parse_manifest
from registry.names import Digest, Registry, Repository

_MANIFEST, _BLOB, _TAG, _HOME = "manifest", "blob", "tag", "home"


class Known:
    """Facts of one registry and identity; what is damaged counts as unknown."""

    def __init__(self, cache: Cache, registry: Registry, identity: str) -> None:
        self._cache = cache
        self._registry = registry
        self._identity = identity

    async def manifest(self, repository: Repository, digest: Digest) -> Manifest | Index | None:
        """A manifest that was read before."""
        value = await self._get(_MANIFEST, str(repository.at(digest)))
        media_type, _, raw = (value or b"").partition(b"\n")
        if not digest.matches(raw):
            return None
        try:
            return parse_manifest(raw, media_type.decode(), str(repository.at(digest)))
        except (RegistryError, UnicodeDecodeError):
            return None

    async def keep_manifest(self, repository: Repository, manifest: Manifest | Index) -> None:
        """Keep a manifest that was verified."""
        value = manifest.media_type.encode() + b"\n" + manifest.raw
        await self._put(_MANIFEST, {str(repository.at(manifest.digest)): value})

    async def blob(self, repository: Repository, digest: Digest) -> bytes | None:
        """A small blob that was read before."""
        value = await self._get(_BLOB, str(repository.at(digest)))
        return value if value is not None and digest.matches(value) else None

    async def keep_blob(self, repository: Repository, digest: Digest, content: bytes) -> None:
        """Keep a small blob that was verified."""
        await self._put(_BLOB, {str(repository.at(digest)): content})

    async def tagged(self, repository: Repository, tags: Iterable[str], newer_than: float) -> dict[str, Descriptor]:
        """What tags named when they were last asked for, of those that were asked for after a moment."""
        names = {f"{repository}:{tag}": tag for tag in tags}
        owner = await self._cache.owner(self._identity)
        found = await self._cache.facts.get_many(owner, _TAG, names, newer_than)
        described = {names[name]: _read_descriptor(value) for name, value in found.items()}
        return {tag: descriptor for tag, descriptor in described.items() if descriptor}

    async def keep_tagged(self, repository: Repository, tagged: Mapping[str, Descriptor]) -> None:
        """Keep what tags name now."""
        await self._put(_TAG, {f"{repository}:{tag}": _write_descriptor(item) for tag, item in tagged.items()})

    async def homes(self, digests: Iterable[Digest]) -> dict[Digest, Repository]:
        """A repository of this registry for each blob that one had when we last looked."""
        wanted = {str(digest): digest for digest in digests}
        values = await self._cache.facts.get_many(await self._cache.owner(self._identity), _HOME, wanted)
        for name in wanted:
            metrics.count_cached(_HOME, found=name in values)
        homes = {wanted[name]: self._read_home(value) for name, value in values.items()}
        return {digest: home for digest, home in homes.items() if home}

    def _read_home(self, value: bytes) -> Repository | None:
        try:
            return Repository.parse(value.decode(), self._registry)
        except (RegistryError, UnicodeDecodeError):
            return None

    async def keep_home(self, repository: Repository, digests: Iterable[Digest]) -> None:
        """Take note that a repository has these blobs."""
        await self._put(_HOME, {str(digest): str(repository).encode() for digest in digests})

    async def _get(self, kind: str, key: str) -> bytes | None:
        value = await self._cache.facts.get(await self._cache.owner(self._identity), kind, key)
        metrics.count_cached(kind, found=value is not None)
        return value

    async def _put(self, kind: str, values: Mapping[str, bytes]) -> None:
        await self._cache.facts.put(await self._cache.owner(self._identity), kind, values)


def _write_descriptor(descriptor: Descriptor) -> bytes:
    return json.dumps([descriptor.media_type, str(descriptor.digest), descriptor.size]).encode()


def _read_descriptor(value: bytes) -> Descriptor | None:
    try:
        media_type, digest, size = json.loads(value)
        return Descriptor(str(media_type), Digest.parse(str(digest)), int(size))
    except (ValueError, TypeError):
        return None
