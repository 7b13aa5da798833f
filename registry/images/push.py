"""Push: blobs that the registry lacks, several at once; then manifests, children first; the tags last."""

from __future__ import annotations

from collections.abc import Sequence

from registry.concurrency import for_each
from registry.content import OpenContent
from registry.descriptor import Descriptor
from registry.images.source import ImageSource, ImageTree, read_tree
from registry.manifest import Index, Manifest
from registry.names import Repository
from registry.remote import Remote
from registry.report import Report, short

_AT_ONCE = 24
_SMALL = 4 * 1024 * 1024
_MANY = 8


async def push(
    source: ImageSource, remote: Remote, repository: Repository, tags: Sequence[str], report: Report
) -> Descriptor:
    """Push an image under tags (none: by digest only); the descriptor of what they now name.

    Until everything below it is stored, no tag changes: a push that breaks off leaves nothing under a tag.
    Raises InvalidImage, ContentMismatch, TagConflict or another RegistryError.
    """
    tree = await read_tree(source)
    await _push_blobs(tree, remote, repository, report)
    for manifest in tree.manifests[:-1]:
        await remote.put_manifest(repository, manifest)
    await put_tags(remote, repository, tree.root, tags, report)
    return tree.root.descriptor


async def put_tags(
    remote: Remote, repository: Repository, manifest: Manifest | Index, tags: Sequence[str], report: Report
) -> None:
    """Put one manifest under each tag. Raises TagConflict or another RegistryError."""
    for tag in tags or (None,):
        await remote.put_manifest(repository, manifest, tag)
        report(f"{repository}:{tag} is now {manifest.digest}" if tag else f"Stored {repository.at(manifest.digest)}")


async def _push_blobs(tree: ImageTree, remote: Remote, repository: Repository, report: Report) -> None:
    job = object()
    small = [blob for blob, _ in tree.blobs.values() if blob.size < _SMALL]
    # To look for a small blob costs about as much as to send it, which in a new repository is what follows anyway.
    look_for_small = len(small) < _MANY or await remote.knows(repository)
    homes = await remote.homes_of(tree.blobs)

    async def push_one(found: tuple[Descriptor, OpenContent]) -> None:
        blob, open_content = found
        if (look_for_small or blob.size >= _SMALL) and await remote.has_blob(repository, blob.digest):
            report(f"{short(blob)}: already there")
        elif await _is_mounted(remote, repository, blob, homes.get(blob.digest)):
            report(f"{short(blob)}: mounted from {homes[blob.digest]}")
        else:
            async with remote.transfers.place(job, blob.size):
                await remote.push_blob(repository, blob, open_content)
            report(f"{short(blob)}: pushed")

    # The largest first: then no long one is left over when all others are done.
    ordered = sorted(tree.blobs.values(), key=lambda found: -found[0].size)
    await for_each(ordered, push_one, _AT_ONCE)
    await remote.keep_home(repository, list(tree.blobs))


async def _is_mounted(remote: Remote, repository: Repository, blob: Descriptor, home: Repository | None) -> bool:
    return home is not None and home != repository and await remote.mount_blob(repository, blob.digest, home)
