"""Layers on disk, so that a second fetch moves no bytes: by content, bounded, verified whenever one is used.

A layer is stored as `OWNER/H/DIGEST-TAG`. Both stand for the same bytes: the digest is the one that its manifest names,
verified when it came; the tag is checked at every use, as it takes a fifteenth of the time (`layer_check.py`).
Files appear by rename and are never changed: a process that is killed leaves nothing but a partial file, which is
removed a day later, and a file that another process removes meanwhile counts as missing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from registry.descriptor import Descriptor
from registry.layer_check import LayerCheck
from registry.names import Digest
from registry.turns import Turns

_PARTIAL = "partial"
_SECONDS_TO_FINISH = 86_400
_SECONDS_BETWEEN_TRIMS = 30.0
_SHARE_KEPT = 0.9
_LEFT_ON_DISK = 1024 * 1024 * 1024
_READ_SIZE = 1024 * 1024
_COPY_SIZE = 16 * 1024 * 1024
_FICLONE = 0x40049409
"""Linux' request for a copy that shares the blocks until one side is changed (ioctl_ficlone(2))."""
_NEVER_CLONES = frozenset({errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EXDEV})
"""Errors by which a file system says that it can't; with others, such as a full disk, it may the next time."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Stored:
    path: Path
    digest_hex: str
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
        self._no_clones: set[int] = set()
        """File systems with which blocks can't be shared: to try costs more than all else."""
        self.turns = Turns()
        """For one fetch of an owner's layer at a time within this process."""

    def find(self, owner: str, digests: Iterable[Digest]) -> Set[Digest]:
        """Those of an owner's layers that are here, be they whole or not."""
        wanted = {digest.hex: digest for digest in digests}
        shelves = {self._shelf(owner, digest) for digest in wanted.values()}
        there = {stored.digest_hex for shelf in shelves for stored in _all_stored(shelf)}
        return {digest for digest_hex, digest in wanted.items() if digest_hex in there}

    def take(self, owner: str, layer: Descriptor, target: Path, start: int) -> bool:
        """Put a verified layer to where it is wanted: a file of its own, or a place within a file that exists.

        False when it is not here, or damaged.
        """
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
                self._share(stored.path, target, target.parent.stat().st_dev)
        except OSError as error:
            log.info("cached layer not used", digest=str(layer.digest), problem=error.strerror)
            return False
        return True

    def new_check(self, digest: Digest) -> LayerCheck:
        """To be fed with a layer's bytes, for `keep`."""
        return LayerCheck(self._key, digest)

    def keep(self, owner: str, layer: Descriptor, source: Path, start: int, check: LayerCheck) -> None:
        """Keep a layer that has just been verified; `check` was fed with the same bytes."""
        if layer.size > self._most_bytes:
            return
        kept = self._shelf(owner, layer.digest) / f"{layer.digest.hex}-{check.tag()}"
        try:
            status = source.stat()
            is_whole = not start and status.st_size == layer.size
            # What can't be cloned is given another name at once: two steps less than by a partial.
            if not (is_whole and status.st_dev in self._no_clones and _is_linked(source, kept)):
                self._copy_in(source, start, layer.size, kept, status.st_dev if is_whole else None)
            self._trim()
        except OSError as error:
            log.info("layer not kept", digest=str(layer.digest), problem=error.strerror)

    def _copy_in(self, source: Path, start: int, size: int, kept: Path, device: int | None) -> None:
        """`device` is the source's if the whole file is the layer."""
        partial = self._folder / _PARTIAL / secrets.token_hex(16)
        for folder in (partial.parent, kept.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < size + _LEFT_ON_DISK:
            return
        try:
            if device is not None:
                self._share(source, partial, device)
            else:
                _copy_range(source, start, partial, 0, size)
            partial.chmod(0o444)
            partial.replace(kept)
        finally:
            # A link renamed onto another link of the same file does nothing, and leaves both (rename(2)).
            partial.unlink(missing_ok=True)

    def _share(self, source: Path, target: Path, device: int) -> None:
        """Another name for the same bytes: blocks shared until one side is changed, or a link, or else a copy.

        `device` is that of the side which is not the cache's.
        """
        if device not in self._no_clones:
            failure = _clone(source, target)
            if not failure:
                return
            if failure in _NEVER_CLONES:
                self._no_clones.add(device)
        try:
            os.link(source, target)
        except OSError:
            # Another file system, or another mount of the same one.
            _copy_range(source, 0, target, 0, source.stat().st_size)

    def _find(self, owner: str, digest: Digest) -> _Stored | None:
        shelf = self._shelf(owner, digest)
        return next((stored for stored in _all_stored(shelf) if stored.digest_hex == digest.hex), None)

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


def _all_stored(shelf: Path) -> Iterator[_Stored]:
    with suppress(OSError), os.scandir(shelf) as entries:
        for entry in entries:
            digest_hex, _, tag = entry.name.partition("-")
            yield _Stored(Path(entry.path), digest_hex, tag)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            with suppress(FileNotFoundError):
                yield path, path.stat()


def _is_linked(source: Path, kept: Path) -> bool:
    try:
        os.link(source, kept)
        kept.chmod(0o444)
    except FileExistsError:
        return True
    except OSError:
        return False
    return True


def _clone(source: Path, target: Path) -> int:
    """The number of the error that prevented it, or 0; then there is no target."""
    with source.open("rb") as have, target.open("xb") as want:
        try:
            fcntl.ioctl(want.fileno(), _FICLONE, have.fileno())
        except OSError as error:
            target.unlink()
            return error.errno or errno.EIO
    return 0


def _copy_range(source: Path, source_start: int, target: Path, target_start: int, size: int) -> None:
    with source.open("rb", 0) as have, target.open("r+b" if target.exists() else "xb", 0) as want:
        have.seek(source_start)
        want.seek(target_start)
        while size > 0:
            moved = os.sendfile(want.fileno(), have.fileno(), None, min(size, _COPY_SIZE))
            if moved == 0:
                raise OSError(0, "the file is shorter than it should be")
            size -= moved
