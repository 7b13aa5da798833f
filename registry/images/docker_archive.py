"""`docker save` tarballs: a config and layers without a manifest, which is made here (Docker image spec v1.2)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isal import isal_zlib
from pydantic import BaseModel, Field, ValidationError

from registry import media_types
from registry.concurrency import for_each
from registry.content import CHUNK_SIZE
from registry.descriptor import Descriptor
from registry.errors import InvalidImage
from registry.images.section import Section
from registry.images.source import ImageSource
from registry.images.tarball import Tarball
from registry.manifest import LARGEST_MANIFEST
from registry.names import Digest

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31


class SavedImage(BaseModel):
    """One entry of `manifest.json`."""

    config: str = Field(alias="Config")
    repo_tags: list[str] | None = Field(default=None, alias="RepoTags")
    layers: list[str] = Field(alias="Layers")


class _RootFs(BaseModel):
    diff_ids: list[str]


class _Config(BaseModel):
    rootfs: _RootFs


@dataclass(frozen=True, slots=True)
class _Layer:
    descriptor: Descriptor
    section: Section


async def read_docker_archive(tarball: Tarball, spool: Path, description: str, reference: str = "") -> ImageSource:
    """Make a manifest for the image in a `docker save` tarball; its layers are compressed into the spool folder.

    Equal layers become equal blobs whenever they are compressed. Raises InvalidImage.
    """
    saved = _choose(await asyncio.to_thread(_read_entries, tarball, description), description, reference)
    config_section, config = await asyncio.to_thread(_member, tarball, saved.config, description)
    diff_ids = _diff_ids(config, saved, description)
    layers = await _compress_all(tarball, saved.layers, diff_ids, spool, description)
    config_descriptor = Descriptor(media_types.DOCKER_CONFIG, Digest.of(config), len(config))
    raw = _manifest(config_descriptor, [layer.descriptor for layer in layers])
    sections = {layer.descriptor.digest: layer.section for layer in layers}
    sections[config_descriptor.digest] = config_section
    root = Descriptor(media_types.DOCKER_MANIFEST, Digest.of(raw), len(raw))
    sections[root.digest] = await asyncio.to_thread(_store, spool / "manifest.json", raw)
    return ImageSource(description, root, sections.get)


def _read_entries(tarball: Tarball, description: str) -> list[SavedImage]:
    section = tarball.find("manifest.json")
    if section is None:
        raise _broken(description, "it has neither an index.json (OCI) nor a manifest.json (docker save)")
    try:
        return [SavedImage.model_validate(entry) for entry in json.loads(section.read(LARGEST_MANIFEST))]
    except (ValidationError, ValueError, TypeError) as error:
        raise _broken(description, "its manifest.json is not readable") from error


def _choose(entries: Sequence[SavedImage], description: str, reference: str) -> SavedImage:
    if len(entries) == 1:
        return entries[0]
    named = [entry for entry in entries if reference and reference in _names(entry)]
    if len(named) == 1:
        return named[0]
    there = ", ".join(sorted({tag for entry in entries for tag in entry.repo_tags or []})) or "none has a name"
    raise _broken(description, f"it has {len(entries)} images ({there}), and not exactly one is called «{reference}»")


def _names(entry: SavedImage) -> set[str]:
    tags = set(entry.repo_tags or [])
    return tags | {tag.rpartition(":")[2] for tag in tags}


def _member(tarball: Tarball, name: str, description: str) -> tuple[Section, bytes]:
    section = tarball.find(name)
    if section is None or section.size > LARGEST_MANIFEST:
        raise _broken(description, f"its config «{name[:100]}» is {'too large' if section else 'missing'}")
    return section, section.read(LARGEST_MANIFEST)


def _diff_ids(config: bytes, saved: SavedImage, description: str) -> list[str]:
    try:
        diff_ids = _Config.model_validate_json(config).rootfs.diff_ids
    except ValidationError as error:
        raise _broken(description, f"its config «{saved.config[:100]}» is not an image's config") from error
    if len(diff_ids) != len(saved.layers):
        raise _broken(
            description, f"its config names {len(diff_ids)} layers, and its manifest.json {len(saved.layers)}"
        )
    return diff_ids


async def _compress_all(
    tarball: Tarball, names: list[str], diff_ids: list[str], spool: Path, description: str
) -> list[_Layer]:
    stop = threading.Event()
    wanted = dict(zip(diff_ids, names, strict=True))

    async def one(item: tuple[str, str]) -> _Layer:
        diff_id, name = item
        section = tarball.find(name)
        if section is None:
            raise _broken(description, f"its layer «{name[:100]}» is missing")
        return await asyncio.to_thread(_compress, section, diff_id, spool, description, stop)

    try:
        done = await for_each(list(wanted.items()), one, os.cpu_count() or 1)
    finally:
        # Threads can't be cancelled: this ends them at their next chunk.
        stop.set()
    layers = dict(zip(wanted, done, strict=True))
    return [layers[diff_id] for diff_id in diff_ids]


def _compress(section: Section, diff_id: str, spool: Path, description: str, stop: threading.Event) -> _Layer:
    if section.read(2) == _GZIP_MAGIC:
        return _as_it_is(section, diff_id, description)
    target = spool / f"{hashlib.sha256(diff_id.encode()).hexdigest()}.tar.gz"
    # No name and no time go into the gzip header, so that the same layer has the same digest tomorrow.
    compressor = isal_zlib.compressobj(wbits=_GZIP_WINDOW)
    plain, packed, size = hashlib.sha256(), hashlib.sha256(), 0
    with section.path.open("rb") as file, target.open("wb") as out:
        file.seek(section.start)
        rest = section.size
        while rest > 0 and (chunk := file.read(min(CHUNK_SIZE, rest))):
            if stop.is_set():
                raise _broken(description, "reading it was given up")
            rest -= len(chunk)
            plain.update(chunk)
            piece = compressor.compress(chunk) + (compressor.flush() if rest == 0 else b"")
            packed.update(piece)
            size += out.write(piece)
    if f"sha256:{plain.hexdigest()}" != diff_id:
        raise _broken(description, f"a layer has the digest sha256:{plain.hexdigest()} where its config says {diff_id}")
    descriptor = Descriptor(media_types.DOCKER_LAYER_GZIP, Digest("sha256", packed.hexdigest()), size)
    return _Layer(descriptor, Section(target, 0, size))


def _as_it_is(section: Section, diff_id: str, description: str) -> _Layer:
    packed, plain = hashlib.sha256(), hashlib.sha256()
    decompressor = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        with section.path.open("rb") as file:
            file.seek(section.start)
            rest = section.size
            while rest > 0 and (chunk := file.read(min(CHUNK_SIZE, rest))):
                rest -= len(chunk)
                packed.update(chunk)
                plain.update(decompressor.decompress(chunk))
    except isal_zlib.IsalError as error:  # type: ignore[misc]  # the stub declares an instance
        raise _broken(description, f"the layer {diff_id} can't be decompressed") from error
    if f"sha256:{plain.hexdigest()}" != diff_id:
        raise _broken(description, f"a layer has the digest sha256:{plain.hexdigest()} where its config says {diff_id}")
    return _Layer(
        Descriptor(media_types.DOCKER_LAYER_GZIP, Digest("sha256", packed.hexdigest()), section.size), section
    )


def _manifest(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    body = {
        "schemaVersion": 2,
        "mediaType": media_types.DOCKER_MANIFEST,
        "config": _entry(config),
        "layers": [_entry(layer) for layer in layers],
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _entry(descriptor: Descriptor) -> dict[str, str | int]:
    return {"mediaType": descriptor.media_type, "size": descriptor.size, "digest": str(descriptor.digest)}


def _store(path: Path, content: bytes) -> Section:
    path.write_bytes(content)
    return Section(path, 0, len(content))


def _broken(description: str, cause: str) -> InvalidImage:
    return InvalidImage(f"read {description}", cause, "Save the image again; nothing was pushed.")
