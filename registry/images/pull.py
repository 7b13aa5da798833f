"""Pull: an image of one platform into an OCI layout or a tarball, every byte verified, in place all at once."""

from __future__ import annotations

import asyncio
import json
import tarfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from registry import media_types
from registry.concurrency import for_each, to_the_end
from registry.descriptor import Descriptor, Platform
from registry.errors import InvalidImage
from registry.images.layout import REF_NAME
from registry.images.section import Section, SectionWriter
from registry.images.unfinished import unfinished
from registry.layers import ImageLayers
from registry.manifest import Manifest
from registry.media_types import is_foreign_layer
from registry.names import Digest, Reference, Repository
from registry.platforms import select
from registry.remote import Remote
from registry.report import Report, short

_LAYOUT_FILE = json.dumps({"imageLayoutVersion": "1.0.0"}).encode()
_BLOCK = tarfile.BLOCKSIZE
_AT_ONCE = 24


async def pull_layout(
    remote: Remote, reference: Reference, destination: Path, platform: Platform, report: Report
) -> Descriptor:
    """Write an OCI layout folder; a layout that is there is replaced. The descriptor of the platform's manifest.

    Raises InvalidImage when the destination is something else than a layout, or a RegistryError.
    """
    await asyncio.to_thread(_check_replaceable, destination)
    manifest = await select(remote, reference, platform)
    async with unfinished(destination.parent, destination.name) as partial_folder:
        folder = partial_folder / "layout"
        files = _small_files(manifest, reference, with_docker=False)
        blobs = {blob: Section(folder / _blob_name(blob.digest), 0, blob.size) for blob in _stored_blobs(manifest)}
        await asyncio.to_thread(_begin_layout, folder, files, {section.path.parent for section in blobs.values()})
        await _bring_all(remote, reference.repository, blobs, report)
        await to_the_end(partial(_replace_folder, folder, destination, partial_folder))
    return manifest.descriptor


async def pull_archive(
    remote: Remote, reference: Reference, destination: Path, platform: Platform, report: Report
) -> Descriptor:
    """Write a tarball that is an OCI layout and that `docker load` takes too. The platform manifest's descriptor.

    Raises InvalidImage when the destination is a folder, or a RegistryError.
    """
    await asyncio.to_thread(_check_no_folder, destination)
    manifest = await select(remote, reference, platform)
    async with unfinished(destination.parent, destination.name) as partial_folder:
        archive = partial_folder / "image.tar"
        files = _small_files(manifest, reference, with_docker=True)
        blobs = await asyncio.to_thread(_lay_out_archive, archive, files, _stored_blobs(manifest))
        await _bring_all(remote, reference.repository, blobs, report)
        await asyncio.to_thread(archive.replace, destination)
    return manifest.descriptor


def _stored_blobs(manifest: Manifest) -> list[Descriptor]:
    return [blob for blob in manifest.blobs if not is_foreign_layer(blob.media_type)]


async def _bring_all(
    remote: Remote, repository: Repository, blobs: Mapping[Descriptor, Section], report: Report
) -> None:
    """Bring each blob to its section, the largest first."""
    job, layers = object(), await remote.layers.of_image(list(blobs))

    async def bring(blob: Descriptor) -> None:
        async with layers.turn(blob), remote.transfers.place(job, blob.size):
            said = await _bring(remote, layers, repository, blob, blobs[blob])
        report(f"{short(blob)}: {said}")

    await for_each(sorted(blobs, key=lambda blob: -blob.size), bring, _AT_ONCE)


async def _bring(
    remote: Remote, layers: ImageLayers, repository: Repository, blob: Descriptor, section: Section
) -> str:
    path, start = section.path, section.start
    if await layers.take(blob, path, start):
        return "from the cache on this machine"
    with SectionWriter(section, partial(layers.new_check, blob), partial(layers.keep, blob, path, start)) as writer:
        host = await remote.fetch_blob(repository, blob, writer)
    return "fetched" if host == remote.registry.host else f"fetched from the mirror {host}"


def _small_files(manifest: Manifest, reference: Reference, *, with_docker: bool) -> dict[str, bytes]:
    files = {
        "oci-layout": _LAYOUT_FILE,
        "index.json": _json(_index(manifest, reference)),
        _blob_name(manifest.digest): manifest.raw,
    }
    if with_docker and manifest.config.media_type in (media_types.OCI_CONFIG, media_types.DOCKER_CONFIG):
        files["manifest.json"] = _json([_docker_entry(manifest, reference)])
    return files


def _index(manifest: Manifest, reference: Reference) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "mediaType": manifest.media_type,
        "digest": str(manifest.digest),
        "size": len(manifest.raw),
    }
    if reference.tag:
        entry["annotations"] = {REF_NAME: reference.tag}
    return {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [entry]}


def _docker_entry(manifest: Manifest, reference: Reference) -> dict[str, Any]:
    tags = [f"{reference.repository}:{reference.tag}"] if reference.tag else []
    return {
        "Config": _blob_name(manifest.config.digest),
        "RepoTags": tags,
        "Layers": [_blob_name(layer.digest) for layer in manifest.layers],
    }


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _blob_name(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _begin_layout(folder: Path, files: dict[str, bytes], folders_of_blobs: set[Path]) -> None:
    for each in {(folder / name).parent for name in files} | folders_of_blobs:
        each.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _lay_out_archive(archive: Path, files: dict[str, bytes], blobs: Sequence[Descriptor]) -> dict[Descriptor, Section]:
    """Write a tarball's headers, with room for the blobs: sizes are known, so blobs can come in any order."""
    places: dict[Descriptor, Section] = {}
    with archive.open("wb") as out:
        for name, content in files.items():
            out.write(_header(name, len(content)))
            out.write(content.ljust(_rounded(len(content)), b"\0"))
        for blob in blobs:
            out.write(_header(_blob_name(blob.digest), blob.size))
            places[blob] = Section(archive, out.tell(), blob.size)
            out.seek(_rounded(blob.size), 1)
        out.truncate(out.tell() + 2 * _BLOCK)
    return places


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644
    return member.tobuf(tarfile.PAX_FORMAT)


def _rounded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _check_no_folder(destination: Path) -> None:
    if destination.is_dir():
        raise InvalidImage(f"write the tarball {destination.name}", "a folder has that name", "Choose another one.")


def _check_replaceable(destination: Path) -> None:
    if not destination.exists() or (destination / "oci-layout").is_file():
        return
    if destination.is_dir() and not any(destination.iterdir()):
        return
    raise InvalidImage(
        f"write the OCI layout {destination.name}",
        "something else has that name, and it would be lost",
        "Choose another Destination, or remove what is there.",
    )


def _replace_folder(folder: Path, destination: Path, partial_folder: Path) -> None:
    if destination.exists():
        destination.rename(partial_folder / "replaced")
    folder.rename(destination)
