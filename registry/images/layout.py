"""OCI image layouts (OCI image-spec, «Image Layout»): a directory, or the same files in a tarball."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from registry.descriptor import Descriptor
from registry.errors import InvalidImage
from registry.images.section import Section
from registry.images.source import ImageSource
from registry.manifest import LARGEST_MANIFEST, Index, parse_manifest
from registry.media_types import OCI_INDEX
from registry.names import Digest
from registry.platforms import is_attestation

REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"

FindFile = Callable[[str], Section | None]
"""Finds a file of the layout by its name, with `/` between components."""


def directory_files(folder: Path) -> FindFile:
    """The files of a layout that is a directory."""

    def find(name: str) -> Section | None:
        root = folder.resolve()
        path = (root / name).resolve()
        # A link that leaves the layout is as good as missing: an image must not carry the machine's own files.
        inside = path.is_relative_to(root) and path.is_file()
        return Section(path, 0, path.stat().st_size) if inside else None

    return find


def read_layout(find: FindFile, description: str, reference: str = "") -> ImageSource:
    """Read a layout's index and choose the image in it; blocks. Raises InvalidImage or InvalidManifest.

    With several images, the one whose name or tag is `reference` is meant; several platforms of one image without
    names of their own are that image, and the layout's index is its index.
    """
    _check_version(find, description)
    section = find("index.json")
    if section is None:
        raise _broken(description, "it has no index.json")
    index = parse_manifest(section.read(LARGEST_MANIFEST + 1), OCI_INDEX, description)
    if not isinstance(index, Index) or not index.manifests:
        raise _broken(description, "its index.json lists no image")
    root = _choose(index, description, reference)

    def locate(digest: Digest) -> Section | None:
        return section if digest == index.digest else find(f"blobs/{digest.algorithm}/{digest.hex}")

    return ImageSource(description, root, locate)


def _check_version(find: FindFile, description: str) -> None:
    section = find("oci-layout")
    try:
        version = json.loads(section.read(4096))["imageLayoutVersion"] if section else ""
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(description, "its file oci-layout is not readable") from error
    if not str(version).startswith("1."):
        raise _broken(description, f"its layout version is «{version}», and 1.0.0 is what is known")


def _choose(index: Index, description: str, reference: str) -> Descriptor:
    images = [item for item in index.manifests if not is_attestation(item)]
    named = [item for item in images if reference and reference in _names(item)]
    if len(named) == 1:
        return named[0]
    if len(images) == 1:
        return images[0] if len(index.manifests) == 1 else _whole(index)
    platforms = {item.platform for item in images if item.platform}
    if len(platforms) == len(images) and not any(_names(item) for item in images):
        return _whole(index)
    there = ", ".join(sorted({name for item in images for name in _names(item)})) or "none has a name"
    raise _broken(description, f"it has {len(images)} images ({there}), and none is called «{reference}»")


def _whole(index: Index) -> Descriptor:
    return index.descriptor


def _names(item: Descriptor) -> set[str]:
    names = {item.annotations.get(REF_NAME, ""), item.annotations.get(IMAGE_NAME, "")} - {""}
    return names | {name.rpartition(":")[2] for name in names}


def _broken(description: str, cause: str) -> InvalidImage:
    return InvalidImage(f"read {description}", cause, "Write it again, with one image in it.")
