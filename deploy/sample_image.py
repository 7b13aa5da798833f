"""A small image to try things out with: an OCI layout with one layer."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any


def write_layout(folder: Path, content: str = "hello\n", created: str = "2026-01-02T03:04:05.678Z") -> str:
    """Write an OCI layout whose image has one file; the digest of its manifest."""
    tar = _layer(content.encode())
    layer = gzip.compress(tar, mtime=0)
    config = {
        "created": created,
        "os": "linux",
        "architecture": "amd64",
        "config": {"Labels": {"org.opencontainers.image.title": "A sample image"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]},
        "history": [{"created": created, "created_by": "sample"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _store(folder, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [_store(folder, layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
    }
    descriptor = _store(folder, json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    write_index(folder, [descriptor])
    return str(descriptor["digest"])


def write_index(folder: Path, manifests: list[dict[str, Any]]) -> None:
    """Write a layout's `index.json` and version file."""
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _layer(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("etc/sample")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _store(folder: Path, content: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    path = folder / "blobs" / "sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}
