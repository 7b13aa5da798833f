"""Layers on disk: verified at each use, bounded, whole or not there."""

from __future__ import annotations

import errno
import fcntl
import hmac
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.descriptor import Descriptor
from registry.layer_cache import LayerCache
from registry.layer_check import LayerCheck
from registry.names import Digest

KIB = 1024
KEY = bytes(range(32))


def layer_of(content: bytes) -> Descriptor:
    return Descriptor("application/vnd.oci.image.layer.v1.tar+gzip", Digest.of(content), len(content))


def check_of(content: bytes, key: bytes = KEY) -> LayerCheck:
    check = LayerCheck(key, Digest.of(content))
    check.update(content)
    return check


def file_with(folder: Path, content: bytes) -> Path:
    path = folder / f"source-{Digest.of(content).hex[:8]}"
    path.write_bytes(content)
    return path


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*-*") if path.is_file()]


@pytest.fixture
def cache(tmp_path: Path) -> LayerCache:
    return LayerCache(tmp_path / "layers", 100 * KIB, KEY)


@pytest.mark.parametrize("start", [0, 512])
def test_a_layer_that_was_kept_is_put_where_it_is_wanted(start: int, cache: LayerCache, tmp_path: Path) -> None:
    content = os.urandom(40 * KIB)
    whole = tmp_path / "whole"
    whole.write_bytes(bytes(start) + content + bytes(100))
    cache.keep("me", layer_of(content), whole, start, check_of(content))
    own = tmp_path / "own"
    assert cache.take("me", layer_of(content), own, 0)
    assert own.read_bytes() == content
    archive = tmp_path / "archive"
    archive.write_bytes(bytes(start + len(content) + 7))
    assert cache.take("me", layer_of(content), archive, start)
    assert archive.read_bytes() == bytes(start) + content + bytes(7)


def test_a_layer_is_its_owners_only(cache: LayerCache, tmp_path: Path) -> None:
    content = os.urandom(KIB)
    cache.keep("me", layer_of(content), file_with(tmp_path, content), 0, check_of(content))
    assert not cache.take("you", layer_of(content), tmp_path / "own", 0)
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1] + bytes([content[-1] ^ 1]), lambda content: content[:-1], lambda _: b""]
)
def test_a_damaged_layer_is_found_out_and_dropped(damage: object, cache: LayerCache, tmp_path: Path) -> None:
    content = os.urandom(KIB)
    cache.keep("me", layer_of(content), file_with(tmp_path, content), 0, check_of(content))
    (kept,) = stored(tmp_path / "layers")
    kept.chmod(0o644)
    kept.write_bytes(damage(content))  # type: ignore[operator]
    assert not cache.take("me", layer_of(content), tmp_path / "own", 0)
    assert not (tmp_path / "own").exists()
    assert stored(tmp_path / "layers") == []


def test_nobody_passes_other_bytes_off_as_a_layer_without_the_key(cache: LayerCache, tmp_path: Path) -> None:
    content, other = os.urandom(KIB), os.urandom(KIB)
    cache.keep("me", layer_of(content), file_with(tmp_path, content), 0, check_of(content))
    (kept,) = stored(tmp_path / "layers")
    forged = LayerCheck(bytes(32), Digest.of(content))
    forged.update(other)
    kept.unlink()
    kept.with_name(f"{Digest.of(content).hex}-{forged.tag()}").write_bytes(other)
    assert not cache.take("me", layer_of(content), tmp_path / "own", 0)
    assert stored(tmp_path / "layers") == []


@pytest.mark.parametrize("tag", ["", "é", "x" * 100, "00-00"])
def test_a_file_with_a_name_that_nobody_gave_it_is_not_a_layer(tag: str, cache: LayerCache, tmp_path: Path) -> None:
    content = os.urandom(KIB)
    cache.keep("me", layer_of(content), file_with(tmp_path, content), 0, check_of(content))
    (kept,) = stored(tmp_path / "layers")
    kept.rename(kept.with_name(f"{Digest.of(content).hex}-{tag}"))
    assert not cache.take("me", layer_of(content), tmp_path / "own", 0)


def test_a_file_system_that_is_full_for_a_moment_is_still_asked_to_share_blocks(
    cache: LayerCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def refuse(error: int) -> None:
        def ioctl(*_: object) -> None:
            asked.append(error)
            raise OSError(error, "refused")

        monkeypatch.setattr(fcntl, "ioctl", ioctl)

    for error in (errno.ENOSPC, errno.EOPNOTSUPP, errno.EOPNOTSUPP):
        refuse(error)
        content = os.urandom(KIB)
        cache.keep("me", layer_of(content), file_with(tmp_path, content), 0, check_of(content))
        assert cache.take("me", layer_of(content), tmp_path / f"own-{layer_of(content).digest.hex}", 0)
    assert asked == [errno.ENOSPC, errno.ENOSPC, errno.EOPNOTSUPP]


@pytest.mark.parametrize("sizes", [[], [0], [1], [16, 15, 17], [256 * KIB, 3]])
def test_a_tag_is_that_of_gmac_however_the_bytes_come(sizes: list[int]) -> None:
    pieces = [os.urandom(size) for size in sizes]
    layer = Digest.of(b"".join(pieces))
    check = LayerCheck(KEY, layer)
    for piece in pieces:
        check.update(memoryview(piece))
    own = hmac.digest(KEY, str(layer).encode(), "sha256")
    assert check.tag() == AESGCM(own).encrypt(bytes(12), b"", b"".join(pieces)).hex()


def test_the_least_recently_used_go_when_there_is_no_room(cache: LayerCache, tmp_path: Path) -> None:
    layers = [os.urandom(30 * KIB) for _ in range(3)]
    for age, content in enumerate(layers):
        cache.keep("me", layer_of(content), file_with(tmp_path, content), 0, check_of(content))
        for path in stored(tmp_path / "layers"):
            if path.name.startswith(Digest.of(content).hex):
                os.utime(path, (time.time() - 1000 + age, time.time() - 1000 + age))
    assert cache.take("me", layer_of(layers[0]), tmp_path / "own", 0), "used just now"
    again = LayerCache(tmp_path / "layers", 100 * KIB, KEY)
    newest = os.urandom(30 * KIB)
    again.keep("me", layer_of(newest), file_with(tmp_path, newest), 0, check_of(newest))
    there = {path.name.partition("-")[0] for path in stored(tmp_path / "layers")}
    assert there == {Digest.of(content).hex for content in (layers[0], layers[2], newest)}


def test_a_layer_that_is_larger_than_the_cache_is_not_kept(cache: LayerCache, tmp_path: Path) -> None:
    content = os.urandom(101 * KIB)
    cache.keep("me", layer_of(content), file_with(tmp_path, content), 0, check_of(content))
    assert stored(tmp_path / "layers") == []


def test_what_a_killed_process_left_is_removed_a_day_later(cache: LayerCache, tmp_path: Path) -> None:
    partial = tmp_path / "layers" / "partial"
    partial.mkdir(parents=True)
    for name, age in (("old", 90_000), ("new", 60)):
        (partial / name).write_bytes(b"half")
        os.utime(partial / name, (time.time() - age, time.time() - age))
    content = os.urandom(KIB)
    cache.keep("me", layer_of(content), file_with(tmp_path, content), 0, check_of(content))
    assert [path.name for path in partial.iterdir()] == ["new"]


def test_a_cache_that_can_not_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "layers").write_text("a file where a folder should be")
    cache, content = LayerCache(tmp_path / "layers", 100 * KIB, KEY), os.urandom(KIB)
    cache.keep("me", layer_of(content), file_with(tmp_path, content), 0, check_of(content))
    assert not cache.take("me", layer_of(content), tmp_path / "own", 0)


KEEPER = """
import sys
from pathlib import Path
from registry.descriptor import Descriptor
from registry.layer_cache import LayerCache
from registry.names import Digest
def main():
    cache = LayerCache(Path(sys.argv[1]), 10**9, bytes(32))
    content = Path(sys.argv[2]).read_bytes()
    print("ready", flush=True)
    while True:
        for start in range(1, 50):
            part = content[start:]
            layer = Descriptor("x", Digest.of(part), len(part))
            check = cache.new_check(layer.digest)
            check.update(part)
            cache.keep("me", layer, Path(sys.argv[2]), start, check)
main()
"""


def test_a_process_that_is_killed_leaves_only_whole_layers(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3 * 1024 * KIB))
    for milliseconds in (15, 40, 75):
        with subprocess.Popen(
            [sys.executable, "-c", KEEPER, str(tmp_path / "layers"), str(source)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(milliseconds / 1000)
            process.send_signal(signal.SIGKILL)
    kept = [path for path in stored(tmp_path / "layers") if path.parent.name != "partial"]
    assert kept
    for path in kept:
        assert Digest.of(path.read_bytes()).hex == path.name.partition("-")[0]
