"""One registry as one identity sees it: the operations of the OCI distribution-spec."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from registry import blobs, manifests, referrers, tags, uploads
from registry.content import OpenContent
from registry.descriptor import Descriptor
from registry.endpoint import Access
from registry.errors import InvalidName
from registry.manifest import LARGEST_MANIFEST, Index, Manifest
from registry.names import Digest, Reference, Registry, Repository
from registry.ping import ping
from registry.transport import Transport


class Remote:
    """The registry's operations, each one line of what it does; how stands in the module of that name."""

    def __init__(self, transport: Transport, transfers: asyncio.Semaphore) -> None:
        self._transport = transport
        self.transfers = transfers
        """Bounds the blobs that the process moves at once."""

    @property
    def access(self) -> Access:
        """Where the registry is and how it is reached."""
        return self._transport.access

    @property
    def registry(self) -> Registry:
        """The registry's name."""
        return self.access.registry

    async def ping(self) -> None:
        """Check that the registry is there and lets us in (`GET /v2/`)."""
        await ping(self._transport)

    async def tags(self, repository: Repository) -> list[str]:
        """Every tag of the repository, all pages followed; an error rather than a part of them."""
        return await tags.list_tags(self._transport, self._own(repository))

    async def resolve(self, reference: Reference) -> Descriptor:
        """The descriptor of what a reference names, without reading it where the registry allows that."""
        self._own(reference.repository)
        return await manifests.resolve(self._transport, reference)

    async def manifest(self, reference: Reference) -> Manifest | Index:
        """The manifest or index that a reference names, its digest verified."""
        self._own(reference.repository)
        return await manifests.get(self._transport, reference)

    async def put_manifest(self, repository: Repository, manifest: Manifest | Index, tag: str | None = None) -> None:
        """Put a manifest under a tag, or under its digest only. Raises TagConflict on an immutable tag."""
        await manifests.put(self._transport, self._own(repository), manifest, tag)

    async def has_blob(self, repository: Repository, digest: Digest) -> bool:
        """Whether the repository has this blob."""
        return await blobs.exists(self._transport, self._own(repository), digest)

    def open_blob(
        self, repository: Repository, descriptor: Descriptor
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream a blob, resumed after cuts; its last chunk comes only if digest and size are right."""
        return blobs.stream(self._transport, self._own(repository), descriptor)

    async def read_blob(self, repository: Repository, descriptor: Descriptor, limit: int = LARGEST_MANIFEST) -> bytes:
        """Read a small blob, such as a config, of at most `limit` bytes."""
        return await blobs.read(self._transport, self._own(repository), descriptor, limit)

    async def mount_blob(self, repository: Repository, digest: Digest, source: Repository) -> bool:
        """Mount a blob from another repository; False when the registry wants it uploaded."""
        return await uploads.mount(self._transport, self._own(repository), digest, self._own(source))

    async def push_blob(self, repository: Repository, descriptor: Descriptor, open_content: OpenContent) -> None:
        """Upload a blob, verified as it is read."""
        await uploads.push(self._transport, self._own(repository), descriptor, open_content)

    async def referrers(self, repository: Repository, digest: Digest, artifact_type: str = "") -> Index:
        """What refers to a digest: signatures, attestations, SBOMs."""
        return await referrers.list_referrers(self._transport, self._own(repository), digest, artifact_type)

    def _own(self, repository: Repository) -> Repository:
        if repository.registry != self.registry:
            raise InvalidName(
                f"ask {self.registry} for {repository}", "that repository is in another registry", "Use its own store."
            )
        return repository
