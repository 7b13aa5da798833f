"""Images of a given size: gzip layers of random bytes, which is what layers look like to a registry."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from deploy.sample_image import write_index

_MIB = 1024 * 1024


def write_image(folder: Path, layers: int, size: int) -> None:
    """Write an OCI layout with that many layers of about that many bytes."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    written = [_layer(blobs, size) for _ in range(layers)]
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in written]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _small(blobs, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor for descriptor, _ in written],
    }
    write_index(folder, [_small(blobs, json.dumps(manifest).encode(), str(manifest["mediaType"]))])


def manifest_digest(folder: Path) -> str:
    """The digest of the layout's one manifest."""
    return str(json.loads((folder / "index.json").read_text())["manifests"][0]["digest"])


def layer_of(folder: Path) -> tuple[str, int]:
    """Digest and size of the layout's first layer."""
    manifest = folder / "blobs" / manifest_digest(folder).replace(":", "/")
    layer = json.loads(manifest.read_text())["layers"][0]
    return layer["digest"], layer["size"]


def _layer(blobs: Path, size: int) -> tuple[dict[str, Any], str]:
    target = blobs / "layer"
    plain = hashlib.sha256()
    with gzip.open(target, "wb", compresslevel=0) as file:
        for _ in range(max(1, size // _MIB)):
            chunk = os.urandom(min(size, _MIB))
            plain.update(chunk)
            file.write(chunk)
    with target.open("rb") as stored:
        digest = hashlib.file_digest(stored, "sha256").hexdigest()
    length = target.stat().st_size
    target.rename(blobs / digest)
    media_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": length}, f"sha256:{plain.hexdigest()}"


def _small(blobs: Path, content: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}
