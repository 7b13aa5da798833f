"""A section of a file: where a blob's bytes stand on disk, in a file of its own or inside a tarball."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from registry.content import CHUNK_SIZE
from registry.open_files import opened


@dataclass(frozen=True, slots=True)
class Section:
    """`size` bytes of a file from `start` on."""

    path: Path
    start: int
    size: int

    def read(self, most: int) -> bytes:
        """Read at most this many bytes; blocks, so call it in a thread."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(min(self.size, most))

    @asynccontextmanager
    async def open(self, offset: int = 0) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream the bytes from an offset within the section on (an `OpenContent`)."""
        async with opened(partial(_open_at, self.path, self.start + offset)) as file:
            yield _chunks(file, self.size - offset)


def _open_at(path: Path, position: int) -> BinaryIO:
    file = path.open("rb", 0)
    file.seek(position)
    return file


async def _chunks(file: BinaryIO, rest: int) -> AsyncIterator[bytes]:
    while rest > 0:
        chunk = await asyncio.to_thread(file.read, min(CHUNK_SIZE, rest))
        if not chunk:
            return
        rest -= len(chunk)
        yield chunk
