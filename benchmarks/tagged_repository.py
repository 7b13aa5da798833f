"""Repositories with many tags, each tag of an image of its own."""

from __future__ import annotations

import http.client
import json
import shutil
from pathlib import Path

from deploy.sample_image import write_layout
from tests.real.registries import RealRegistry

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def push_tags(registry: RealRegistry, folder: Path, path: str, count: int) -> None:
    """Push a small image, and variants of its manifest as tags `1.0` to `1.{count - 1}`."""
    digest = write_layout(folder / "sample").removeprefix("sha256:")
    registry.push(f"oci:{folder}/sample", f"{path}:1.0")
    manifest = json.loads((folder / "sample" / "blobs" / "sha256" / digest).read_bytes())
    connection = http.client.HTTPConnection(registry.host)
    for number in range(1, count):
        body = json.dumps({**manifest, "annotations": {"number": str(number)}})
        connection.request("PUT", f"/v2/{path}/manifests/1.{number}", body, {"Content-Type": _MANIFEST})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201, answer.status
    connection.close()


def copy_repository(folder: Path, source: str, target: str) -> None:
    """Give a repository a twin, in the files of the registry in this folder, which reads them anew each time."""
    shutil.copytree(_repository(folder, source), _repository(folder, target))


def copy_tags(folder: Path, path: str, count: int) -> None:
    """Give the tag `1.0` equals up to `1.{count - 1}`, in the same way."""
    tags = _repository(folder, path) / "_manifests" / "tags"
    for number in range(1, count):
        shutil.copytree(tags / "1.0", tags / f"1.{number}")


def _repository(folder: Path, path: str) -> Path:
    return folder / "data" / "docker" / "registry" / "v2" / "repositories" / path
