"""Fetched images on disk: every kind of blob, the first time from the registry, the second time from the cache."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry import media_types
from registry.cache import Cache
from registry.client import RegistryClient
from registry.descriptor import Descriptor, Platform
from registry.endpoint import Access, Endpoint
from registry.images.pull import pull_archive, pull_layout
from registry.manifest import parse_manifest
from registry.names import Digest, Reference, Repository
from registry.remote import Remote

PLATFORM = Platform("linux", "amd64")
CONFIG = b'{"os": "linux", "architecture": "amd64"}'
LAYERS = {
    "small": (Digest.of(b"a layer"), b"a layer"),
    "empty": (Digest.of(b""), b""),
    "of sha512": (Digest("sha512", hashlib.sha512(b"another").hexdigest()), b"another"),
    "like the config": (Digest.of(CONFIG), CONFIG),
}


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Remote]:
    with running(create_local_registry(tmp_path / "registry")) as host:
        cache = await asyncio.to_thread(Cache.in_folder, tmp_path / "cache", 1024 * 1024)
        async with RegistryClient(cache=cache) as client:
            yield client.remote(Access(Endpoint.parse(host)))


async def push_image(remote: Remote, layers: dict[str, tuple[Digest, bytes]]) -> Reference:
    repository = Repository.parse("app", remote.registry)
    blobs = [Descriptor(media_types.OCI_LAYER_GZIP, digest, len(content)) for digest, content in layers.values()]
    config = Descriptor(media_types.OCI_CONFIG, Digest.of(CONFIG), len(CONFIG))
    contents = {**dict(layers.values()), config.digest: CONFIG}
    for blob in (*blobs, config):
        await remote.push_blob(repository, blob, lambda offset, blob=blob: io.BytesIO(contents[blob.digest][offset:]))  # type: ignore[misc]
    raw = json.dumps({"schemaVersion": 2, "config": _json(config), "layers": [_json(blob) for blob in blobs]}).encode()
    await remote.put_manifest(repository, parse_manifest(raw, media_types.OCI_MANIFEST, "the image"), "1")
    return repository.tag("1")


def _json(descriptor: Descriptor) -> dict[str, object]:
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}


def blob_of(layout: Path, digest: Digest) -> Path:
    return layout / "blobs" / digest.algorithm / digest.hex


async def test_every_kind_of_layer_is_fetched_once_and_found_again(remote: Remote, tmp_path: Path) -> None:
    reference = await push_image(remote, LAYERS)
    for folder, how in (("first", "fetched"), ("second", "from the cache on this machine")):
        said: list[str] = []
        await pull_layout(remote, reference, tmp_path / folder, PLATFORM, said.append)
        assert [line.partition(": ")[2] for line in said] == [how] * len(LAYERS)
        for digest, content in LAYERS.values():
            assert blob_of(tmp_path / folder, digest).read_bytes() == content


async def test_a_tarball_is_the_same_bytes_from_the_registry_and_from_the_cache(remote: Remote, tmp_path: Path) -> None:
    reference = await push_image(remote, LAYERS)
    for name in ("first.tar", "second.tar"):
        await pull_archive(remote, reference, tmp_path / name, PLATFORM, lambda _: None)
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


async def test_what_is_in_the_cache_is_whole_and_read_only(remote: Remote, tmp_path: Path) -> None:
    some = {str(number): (Digest.of(content), content) for number in range(40) for content in [b"%d" % number * 1000]}
    await pull_layout(remote, await push_image(remote, some), tmp_path / "image", PLATFORM, lambda _: None)
    kept = {path.name.partition("-")[0]: path for path in (tmp_path / "cache" / "layers").rglob("*-*")}
    assert kept.keys() == {digest.hex for digest, _ in some.values()} | {Digest.of(CONFIG).hex}
    for digest, content in some.values():
        assert kept[digest.hex].read_bytes() == content
        assert kept[digest.hex].stat().st_mode & 0o777 == 0o444
    assert not any(tmp_path.rglob("partial/*"))


async def test_a_layer_that_was_damaged_in_the_cache_is_fetched_again(remote: Remote, tmp_path: Path) -> None:
    reference = await push_image(remote, LAYERS)
    await pull_layout(remote, reference, tmp_path / "first", PLATFORM, lambda _: None)
    digest, content = LAYERS["small"]
    (kept,) = (tmp_path / "cache" / "layers").rglob(f"{digest.hex}-*")
    kept.chmod(0o644)
    kept.write_bytes(b"A layer")
    said: list[str] = []
    await pull_layout(remote, reference, tmp_path / "second", PLATFORM, said.append)
    assert sorted(line.partition(": ")[2] for line in said) == ["fetched", *["from the cache on this machine"] * 3]
    assert blob_of(tmp_path / "second", digest).read_bytes() == content
