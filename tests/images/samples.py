"""Sample images of every kind that can be published."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from deploy.sample_image import write_index, write_layout


def layout(folder: Path, content: str = "hello\n") -> Path:
    write_layout(folder, content)
    return folder


def multi_arch_layout(folder: Path) -> Path:
    """An index of two platforms and an attestation, in a layout whose index.json names that index."""
    children = []
    for architecture in ("amd64", "arm64"):
        write_layout(folder, f"for {architecture}\n")
        entry = json.loads((folder / "index.json").read_text())["manifests"][0]
        children.append({**entry, "platform": {"os": "linux", "architecture": architecture}})
    write_layout(folder, "an attestation\n")
    entry = json.loads((folder / "index.json").read_text())["manifests"][0]
    children.append(
        {
            **entry,
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }
    )
    media_type = "application/vnd.oci.image.index.v1+json"
    raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": children}).encode()
    digest = hashlib.sha256(raw).hexdigest()
    (folder / "blobs" / "sha256" / digest).write_bytes(raw)
    write_index(folder, [{"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(raw)}])
    return folder


def tarball_of(layout_folder: Path, target: Path, mode: str = "w") -> Path:
    with tarfile.open(target, mode) as tar:  # type: ignore[call-overload]
        for path in sorted(layout_folder.rglob("*")):
            tar.add(path, str(path.relative_to(layout_folder)))
    return target


def docker_save(target: Path, *, diff_id: str = "", link: bool = False) -> Path:
    """A `docker save` tarball of the old kind: an uncompressed layer, a config, no manifest of a registry."""
    layer = _tar({"etc/sample": b"saved\n"})
    config = {
        "created": "2026-01-02T03:04:05Z",
        "os": "linux",
        "architecture": "amd64",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id or f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created_by": "sample"}],
    }
    entry: dict[str, Any] = {"Config": "config.json", "RepoTags": ["team/app:1.0"], "Layers": ["one/layer.tar"]}
    files = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps([entry]).encode()}
    with tarfile.open(target, "w") as tar:
        _add(tar, "two/layer.tar" if link else "one/layer.tar", layer)
        if link:
            member = tarfile.TarInfo("one/layer.tar")
            member.type, member.linkname = tarfile.SYMTYPE, "../two/layer.tar"
            tar.addfile(member)
        for name, content in files.items():
            _add(tar, name, content)
    return target


def gzipped(path: Path) -> Path:
    target = path.with_suffix(".tar.gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            _add(tar, name, content)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
