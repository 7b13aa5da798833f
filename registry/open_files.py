"""Files opened in a thread, and closed whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

_WRITTEN_AT_ONCE = 64 * 1024
"""Bytes; measured to be faster into the page cache than larger pieces."""


@asynccontextmanager
async def opened(open_file: Callable[[], BinaryIO]) -> AsyncIterator[BinaryIO]:
    """Open a file off the loop; a cancellation that comes while it is being opened closes it too."""
    opening = asyncio.ensure_future(asyncio.to_thread(open_file))
    try:
        file = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_result)
        raise
    try:
        yield file
    finally:
        file.close()


async def write(file: BinaryIO, chunk: bytes) -> None:
    """Write all of a chunk off the loop: one system call may take a part of it only."""
    await asyncio.to_thread(write_all, file, chunk)


def write_all(file: BinaryIO, chunk: bytes) -> None:
    """Write all of a chunk to an unbuffered file; blocks."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest[:_WRITTEN_AT_ONCE]) :]


def create(path: Path) -> BinaryIO:
    """A new file, unbuffered; blocks."""
    return path.open("wb", 0)


def _close_result(opening: asyncio.Future[BinaryIO]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
