"""One registry as one identity sees it: the operations of the OCI distribution-spec."""

from __future__ import annotations

from collections.abc import Iterable

from registry import blobs, manifests, referrers, tags, uploads
from registry.blobs import Sink
from registry.content import OpenContent
from registry.descriptor import Descriptor
from registry.digests import digests_of
from registry.endpoint import Access
from registry.errors import InvalidName
from registry.fairness import Transfers
from registry.known import Known
from registry.layers import Layers
from registry.manifest import LARGEST_MANIFEST, Index, Manifest
from registry.names import Digest, Reference, Registry, Repository
from registry.ping import ping
from registry.single_flight import SingleFlight
from registry.sources import Source, Sources
from registry.tag_lists import TagLists
from registry.transport import Transport


class Remote:
    """The registry's operations, each a few lines of what it does; how stands in the module of that name."""

    def __init__(
        self, transport: Transport, sources: Sources, known: Known, layers: Layers, transfers: Transfers
    ) -> None:
        self._transport = transport
        self._sources = sources
        self._known = known
        self._resolving: SingleFlight[str, Descriptor] = SingleFlight()
        self._tag_lists = TagLists(sources, transport.limits.tag_list_age)
        self.layers = layers
        """What of its content is on this machine's disk."""
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
        return await self._tag_lists.read(self._own(repository))

    async def resolve(self, reference: Reference) -> Descriptor:
        """The descriptor of what a reference names now, without reading it where the registry allows that."""
        repository = self._own(reference.repository)
        if reference.digest is None and self._sources.has_mirror(repository):
            return await self._resolve_tag_anywhere(reference)
        return await self._resolving.do(str(reference), lambda: manifests.resolve(self._transport, reference))

    async def digests(self, repository: Repository, tags: list[str], max_age: float) -> dict[str, Descriptor]:
        """What many tags name; a tag that was asked for within `max_age` seconds is not asked for again."""
        return await digests_of(self.resolve, self._known, self._own(repository), tags, max_age)

    async def manifest(self, reference: Reference) -> Manifest | Index:
        """The manifest or index that a reference names now, its digest verified."""
        repository = self._own(reference.repository)
        digest = reference.digest or (await self.resolve(reference)).digest
        known = await self._known.manifest(repository, digest)
        if known is None:
            return await self._read_manifest(repository, digest)
        if reference.digest:
            # What was kept says nothing of whether it may still be read.
            await self._confirm(repository, digest)
        return known

    async def child(self, repository: Repository, digest: Digest) -> Manifest | Index:
        """A manifest that one names which the registry has just given or confirmed; kept ones are not asked for."""
        known = await self._known.manifest(self._own(repository), digest)
        return known or await self._read_manifest(repository, digest)

    async def put_manifest(self, repository: Repository, manifest: Manifest | Index, tag: str | None = None) -> None:
        """Put a manifest under a tag, or under its digest only. Raises TagConflict on an immutable tag."""
        await manifests.put(self._transport, self._own(repository), manifest, tag)
        self._tag_lists.forget(repository)

    async def knows(self, repository: Repository) -> bool:
        """Whether the registry has anything under this name; True where it does not say."""
        return await tags.is_known(self._transport, self._own(repository))

    async def has_blob(self, repository: Repository, digest: Digest) -> bool:
        """Whether the repository has this blob."""
        return await blobs.exists(self._transport, self._own(repository), digest)

    async def fetch_blob(self, repository: Repository, descriptor: Descriptor, sink: Sink) -> str:
        """Stream a blob, resumed after cuts; the host that it came from. The sink begins anew when a mirror failed."""

        async def fetch(source: Source) -> None:
            await blobs.download(source.transport, source.repository, descriptor, sink)

        what = f"the blob {descriptor.digest}"
        return (await self._sources.read(self._own(repository), what, fetch))[1]

    async def read_blob(self, repository: Repository, descriptor: Descriptor, limit: int = LARGEST_MANIFEST) -> bytes:
        """Read a small blob, such as a config, of at most `limit` bytes; of a manifest that was just confirmed."""
        known = await self._known.blob(self._own(repository), descriptor.digest)
        if known is not None:
            return known

        async def read(source: Source) -> bytes:
            return await blobs.read(source.transport, source.repository, descriptor, limit)

        content, _ = await self._sources.read(repository, f"the blob {descriptor.digest}", read)
        await self._known.keep_blob(repository, descriptor.digest, content)
        return content

    async def mount_blob(self, repository: Repository, digest: Digest, source: Repository) -> bool:
        """Mount a blob from another repository; False when the registry wants it uploaded."""
        return await uploads.mount(self._transport, self._own(repository), digest, self._own(source))

    async def push_blob(self, repository: Repository, descriptor: Descriptor, open_content: OpenContent) -> None:
        """Upload a blob, verified as it is read."""
        await uploads.push(self._transport, self._own(repository), descriptor, open_content)

    async def homes_of(self, digests: Iterable[Digest]) -> dict[Digest, Repository]:
        """Repositories of this registry that are known to have blobs, to mount them from."""
        return await self._known.homes(digests)

    async def keep_home(self, repository: Repository, digests: list[Digest]) -> None:
        """Take note that a repository has these blobs."""
        await self._known.keep_home(repository, digests)

    async def referrers(self, repository: Repository, digest: Digest, artifact_type: str = "") -> Index:
        """What refers to a digest: signatures, attestations, SBOMs."""
        return await referrers.list_referrers(self._transport, self._own(repository), digest, artifact_type)

    async def _resolve_tag_anywhere(self, reference: Reference) -> Descriptor:
        async def resolve(source: Source) -> Descriptor:
            return await manifests.resolve(source.transport, source.repository.tag(reference.identifier))

        what = f"the tag {reference}"
        return (await self._sources.read(reference.repository, what, resolve, by_tag=True))[0]

    async def _read_manifest(self, repository: Repository, digest: Digest) -> Manifest | Index:
        async def read(source: Source) -> Manifest | Index:
            return await manifests.get(source.transport, source.repository.at(digest))

        manifest, _ = await self._sources.read(repository, f"the manifest {digest}", read)
        await self._known.keep_manifest(repository, manifest)
        return manifest

    async def _confirm(self, repository: Repository, digest: Digest) -> None:
        async def resolve(source: Source) -> Descriptor:
            return await manifests.resolve(source.transport, source.repository.at(digest))

        await self._sources.read(repository, f"the manifest {digest}", resolve)

    def _own(self, repository: Repository) -> Repository:
        if repository.registry != self.registry:
            raise InvalidName(
                f"ask {self.registry} for {repository}", "that repository is in another registry", "Use its own store."
            )
        self._sources.check_allowed(repository)
        return repository
