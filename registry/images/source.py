"""An image that is to be pushed: its root, and the bytes of everything below it, wherever they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from registry.content import OpenContent
from registry.descriptor import Descriptor
from registry.errors import InvalidImage
from registry.images.section import Section
from registry.manifest import LARGEST_MANIFEST, Index, Manifest, parse_manifest
from registry.media_types import INDEXES, MANIFESTS, is_foreign_layer
from registry.names import Digest

_DEEPEST_NESTING = 8


@dataclass(frozen=True, slots=True)
class ImageSource:
    """An image on disk. Sizes are checked before anything moves, digests while it does."""

    description: str
    """What it is, in words: «the OCI layout build/image»."""
    root: Descriptor
    locate: Callable[[Digest], Section | None]

    async def manifest(self, descriptor: Descriptor) -> Manifest | Index:
        """Read and verify a manifest of the image. Raises InvalidImage or InvalidManifest."""
        section = await asyncio.to_thread(self.section, descriptor)
        if section.size > LARGEST_MANIFEST:
            raise self.broken(f"its manifest {descriptor.digest} has {section.size} bytes")
        raw = await asyncio.to_thread(section.read, LARGEST_MANIFEST)
        if not descriptor.digest.matches(raw):
            raise self.broken(f"its manifest {descriptor.digest} has other bytes than that digest says")
        return parse_manifest(raw, descriptor.media_type, self.description)

    def section(self, descriptor: Descriptor) -> Section:
        """Where a blob stands; blocks. Raises InvalidImage when it is missing or has another size."""
        section = self.locate(descriptor.digest)
        if section is None:
            raise self.broken(f"the blob {descriptor.digest} is missing")
        if section.size != descriptor.size:
            raise self.broken(
                f"the blob {descriptor.digest} has {section.size} bytes where {descriptor.size} were promised"
            )
        return section

    def broken(self, cause: str) -> InvalidImage:
        """An error that names this image."""
        return InvalidImage(f"read {self.description}", cause, "Build or save the image again; nothing was pushed.")


@dataclass(frozen=True, slots=True)
class ImageTree:
    """All that an image consists of: manifests with children before parents (the root last), blobs once each."""

    manifests: tuple[Manifest | Index, ...]
    blobs: Mapping[Digest, tuple[Descriptor, OpenContent]]

    @property
    def root(self) -> Manifest | Index:
        """What the tag will name."""
        return self.manifests[-1]


async def read_tree(source: ImageSource) -> ImageTree:
    """Read every manifest and check that every blob is there in its size. Raises InvalidImage."""
    reader = _TreeReader(source)
    await reader.visit(source.root, 1)
    blobs = await asyncio.to_thread(_find_all, source, list(reader.blobs.values()))
    return ImageTree(tuple(reader.manifests.values()), blobs)


def _find_all(source: ImageSource, blobs: list[Descriptor]) -> dict[Digest, tuple[Descriptor, OpenContent]]:
    return {blob.digest: (blob, source.section(blob).open) for blob in blobs}


class _TreeReader:
    """Visits an image from its root down, each digest once."""

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self.manifests: dict[Digest, Manifest | Index] = {}
        self.blobs: dict[Digest, Descriptor] = {}

    async def visit(self, descriptor: Descriptor, depth: int) -> None:
        if depth > _DEEPEST_NESTING:
            raise self._source.broken(f"its indexes nest more than {_DEEPEST_NESTING} deep")
        if descriptor.digest in self.manifests:
            return
        manifest = await self._source.manifest(descriptor)
        if isinstance(manifest, Index):
            for child in manifest.manifests:
                await self._visit_child(child, depth)
        else:
            self._take(blob for blob in manifest.blobs if not is_foreign_layer(blob.media_type))
        self.manifests[descriptor.digest] = manifest

    async def _visit_child(self, child: Descriptor, depth: int) -> None:
        if child.media_type in INDEXES or child.media_type in MANIFESTS:
            await self.visit(child, depth + 1)
        else:
            self._take([child])

    def _take(self, blobs: Iterable[Descriptor]) -> None:
        self.blobs.update({blob.digest: blob for blob in blobs})
