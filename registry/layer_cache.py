"""Layers on disk, so that a second fetch moves no bytes: by content, bounded, verified whenever one is used.

A layer is stored as `OWNER/H/DIGEST-TAG`. Both stand for the same bytes: the digest is the one that its manifest names,
verified when it came; the tag is checked at every use, as it takes a fifteenth of the time (`layer_check.py`).
Files appear by rename and are never changed: a process that is killed leaves nothing but a partial file, which is
removed a day later, and a file that another process removes meanwhile counts as missing.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from registry.descriptor import Descriptor
from registry.layer_check import LayerCheck
from registry.names import Digest

_PARTIAL = "partial"
_SECONDS_TO_FINISH = 86_400
_SECONDS_BETWEEN_TRIMS = 30.0
_SHARE_KEPT = 0.9
_LEFT_ON_DISK = 1024 * 1024 * 1024
_READ_SIZE = 1024 * 1024
_COPY_SIZE = 16 * 1024 * 1024
_FICLONE = 0x40049409
"""Linux' request for a copy that shares the blocks until one side is changed (ioctl_ficlone(2))."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Stored:
    path: Path
    tag: str


class LayerCache:
    """Layers by owner (whose eyes saw them) and digest. Whatever fails in it counts as «not there»."""

    def __init__(self, folder: Path, most_bytes: int, key: bytes) -> None:
        """`key`, of 32 bytes, is the cache's own: whoever has it can make a layer pass for another."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._key = key
        self._trimmed_at = float("-inf")
        self._trimming = threading.Lock()
        self._no_clones: set[tuple[int, int]] = set()
        """File systems between which blocks can't be shared: to try costs more than all else."""
        # Each lives as long as somebody holds it or waits for it.
        self._turns: WeakValueDictionary[tuple[str, Digest], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, owner: str, digest: Digest) -> AsyncIterator[None]:
        """One at a time within this process: who comes second finds the layer here."""
        async with self._turns.setdefault((owner, digest), asyncio.Lock()):
            yield

    async def take(self, owner: str, layer: Descriptor, target: Path, start: int) -> bool:
        """Put a verified layer to where it is wanted: a file of its own, or a place within a file that exists."""
        return await asyncio.to_thread(self._take, owner, layer, target, start)

    def new_check(self, digest: Digest) -> LayerCheck:
        """To be fed with a layer's bytes, for `keep`."""
        return LayerCheck(self._key, digest)

    async def keep(self, owner: str, layer: Descriptor, source: Path, start: int, check: LayerCheck) -> None:
        """Keep a layer that has just been verified; `check` was fed with the same bytes."""
        if layer.size <= self._most_bytes:
            await asyncio.to_thread(self._keep, owner, layer, source, start, check.tag())

    def _take(self, owner: str, layer: Descriptor, target: Path, start: int) -> bool:
        try:
            stored = self._find(owner, layer.digest)
            if stored is None:
                return False
            if stored.path.stat().st_size != layer.size or not self._is_right(stored, layer.digest):
                log.warning("cached layer is damaged and was dropped", digest=str(layer.digest))
                stored.path.unlink(missing_ok=True)
                return False
            os.utime(stored.path)
            if start or target.exists():
                _copy_range(stored.path, 0, target, start, layer.size)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._share(stored.path, target)
        except OSError as error:
            log.info("cached layer not used", digest=str(layer.digest), problem=error.strerror)
            return False
        return True

    def _keep(self, owner: str, layer: Descriptor, source: Path, start: int, tag: str) -> None:
        shelf = self._shelf(owner, layer.digest)
        kept = shelf / f"{layer.digest.hex}-{tag}"
        try:
            if not shelf.is_dir():
                shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_whole = not start and source.stat().st_size == layer.size
            if not (is_whole and self._is_linked(source, kept)):
                self._copy_in(source, start, layer.size, kept, is_whole=is_whole)
        except OSError as error:
            log.info("layer not kept", digest=str(layer.digest), problem=error.strerror)
        else:
            self._trim()

    def _is_linked(self, source: Path, kept: Path) -> bool:
        """Give the file another name at once, where nothing better can be had: two steps less than by a partial."""
        if not self._never_clones(source, kept):
            return False
        try:
            os.link(source, kept)
            kept.chmod(0o444)
        except FileExistsError:
            return True
        except OSError:
            return False
        return True

    def _copy_in(self, source: Path, start: int, size: int, kept: Path, *, is_whole: bool) -> None:
        partial = self._folder / _PARTIAL / secrets.token_hex(16)
        partial.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            if is_whole:
                self._share(source, partial)
            elif shutil.disk_usage(self._folder).free < size + _LEFT_ON_DISK:
                return
            else:
                _copy_range(source, start, partial, 0, size)
            partial.chmod(0o444)
            partial.replace(kept)
        finally:
            # A link renamed onto another link of the same file does nothing, and leaves both (rename(2)).
            partial.unlink(missing_ok=True)

    def _share(self, source: Path, target: Path) -> None:
        """Another name for the same bytes: blocks shared until one side is changed, or a link, or else a copy."""
        if not self._never_clones(source, target):
            if _clone(source, target):
                return
            self._no_clones.add(_file_systems(source, target))
        try:
            os.link(source, target)
        except OSError:
            # Another file system, or another mount of the same one.
            _copy_range(source, 0, target, 0, source.stat().st_size)

    def _never_clones(self, source: Path, target: Path) -> bool:
        return _file_systems(source, target) in self._no_clones

    def _find(self, owner: str, digest: Digest) -> _Stored | None:
        with suppress(FileNotFoundError), os.scandir(self._shelf(owner, digest)) as entries:
            for entry in entries:
                name, _, tag = entry.name.partition("-")
                if name == digest.hex:
                    return _Stored(Path(entry.path), tag)
        return None

    def _is_right(self, stored: _Stored, digest: Digest) -> bool:
        check, piece = self.new_check(digest), memoryview(bytearray(_READ_SIZE))
        # Mapping it would be faster, and end this process when another one cuts the file meanwhile.
        with stored.path.open("rb", 0) as file:
            while size := file.readinto(piece):
                check.update(piece[:size])
        return check.is_tag(stored.tag)

    def _shelf(self, owner: str, digest: Digest) -> Path:
        return self._folder / owner / digest.hex[:1]

    def _trim(self) -> None:
        """Remove the least recently used until there is room again, and partial files that nobody finishes."""
        if not self._trimming.acquire(blocking=False):
            return
        try:
            if time.monotonic() - self._trimmed_at < _SECONDS_BETWEEN_TRIMS:
                return
            self._trimmed_at = time.monotonic()
            for path, status in _files(self._folder / _PARTIAL):
                if time.time() - status.st_mtime > _SECONDS_TO_FINISH:
                    path.unlink(missing_ok=True)
            self._remove_least_used()
        finally:
            self._trimming.release()

    def _remove_least_used(self) -> None:
        stored = sorted(_files(self._folder), key=lambda found: found[1].st_mtime)
        total = sum(status.st_size for _, status in stored)
        if total <= self._most_bytes:
            return
        for path, status in stored:
            if total <= self._most_bytes * _SHARE_KEPT:
                return
            with suppress(OSError):
                path.unlink()
                total -= status.st_size


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            with suppress(FileNotFoundError):
                yield path, path.stat()


def _file_systems(source: Path, target: Path) -> tuple[int, int]:
    return source.stat().st_dev, target.parent.stat().st_dev


def _clone(source: Path, target: Path) -> bool:
    with source.open("rb") as have, target.open("xb") as want:
        try:
            fcntl.ioctl(want.fileno(), _FICLONE, have.fileno())
        except OSError:
            target.unlink()
            return False
    return True


def _copy_range(source: Path, source_start: int, target: Path, target_start: int, size: int) -> None:
    with source.open("rb", 0) as have, target.open("r+b" if target.exists() else "xb", 0) as want:
        have.seek(source_start)
        want.seek(target_start)
        while size > 0:
            moved = os.sendfile(want.fileno(), have.fileno(), None, min(size, _COPY_SIZE))
            if moved == 0:
                raise OSError(0, "the file is shorter than it should be")
            size -= moved
