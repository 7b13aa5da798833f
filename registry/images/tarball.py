"""Tarballs, read in place: where each member's bytes stand, without unpacking anything."""

from __future__ import annotations

import bz2
import gzip
import lzma
import posixpath
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from registry.content import CHUNK_SIZE
from registry.errors import InvalidImage
from registry.images.section import Section

_OPENERS: dict[bytes, Callable[[Path], BinaryIO]] = {
    b"\x1f\x8b": lambda path: cast(BinaryIO, gzip.GzipFile(path, "rb")),
    b"BZh": lambda path: cast(BinaryIO, bz2.BZ2File(path, "rb")),
    b"\xfd7zXZ\x00": lambda path: cast(BinaryIO, lzma.LZMAFile(path, "rb")),  # noqa: SIM115
}
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MOST_MEMBERS = 200_000
_LEFT_ON_DISK = 512 * 1024 * 1024
_MOST_LINKS = 16


class Tarball:
    """The regular files of a tarball, by name; links inside it are followed, names never become paths."""

    def __init__(self, files: dict[str, Section], links: dict[str, str]) -> None:
        self._files = files
        self._links = links

    def find(self, name: str) -> Section | None:
        """Where a member's bytes stand, or None."""
        name = posixpath.normpath(name)
        for _ in range(_MOST_LINKS):
            if name in self._files:
                return self._files[name]
            if name not in self._links:
                return None
            name = self._links[name]
        return None


def read_tarball(path: Path, description: str) -> Tarball:
    """Find the members of an uncompressed tarball; blocks. Raises InvalidImage when it is truncated or none."""
    size = path.stat().st_size
    files: dict[str, Section] = {}
    links: dict[str, str] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for count, member in enumerate(tar):
                if count >= _MOST_MEMBERS:
                    raise _broken(description, f"it has more than {_MOST_MEMBERS} members")
                if member.offset_data + (member.size if member.isreg() else 0) > size:
                    raise _broken(description, f"it is cut off inside «{member.name[:100]}»")
                _take(member, path, files, links)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise _broken(description, f"it is not a readable tarball, or it is cut off ({error})") from error
    return Tarball(files, links)


def _take(member: tarfile.TarInfo, path: Path, files: dict[str, Section], links: dict[str, str]) -> None:
    name = posixpath.normpath(member.name)
    if member.isreg():
        files[name] = Section(path, member.offset_data, member.size)
    elif member.issym():
        links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
    elif member.islnk():
        links[name] = posixpath.normpath(member.linkname)


def decompressed(path: Path, spool: Path, description: str) -> Path:
    """The tarball itself, or its decompressed copy in the spool folder; blocks. Raises InvalidImage.

    A copy stops before the disk is full, whatever a decompression bomb may promise.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_ZSTD_MAGIC):
        raise _broken(description, "it is compressed with zstd", "Decompress it first (zstd -d).")
    opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
    if opener is None:
        return path
    copy = spool / "image.tar"
    try:
        with opener(path) as source, copy.open("wb") as target:
            while chunk := source.read(CHUNK_SIZE):
                if shutil.disk_usage(spool).free < _LEFT_ON_DISK:
                    raise _broken(description, "decompressing it would fill the disk", "Give the image uncompressed.")
                target.write(chunk)
    except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
        raise _broken(description, f"it can't be decompressed, or it is cut off ({error})") from error
    return copy


def _broken(description: str, cause: str, remedy: str = "Build or save the image again.") -> InvalidImage:
    return InvalidImage(f"read {description}", cause, remedy)
