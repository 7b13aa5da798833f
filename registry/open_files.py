"""Files opened in a thread, and closed whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

_WRITTEN_AT_ONCE = 128 * 1024
"""Bytes; measured to be faster into the page cache than smaller or larger pieces."""
_fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)


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


def write_all(file: BinaryIO, chunk: bytes | memoryview) -> None:
    """Write all of a chunk to an unbuffered file; blocks."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest[:_WRITTEN_AT_ONCE]) :]


def reserve(file: BinaryIO, start: int, size: int) -> None:
    """Have the file system set space aside where it can: writing costs half then. Raises OSError when there is none.

    fallocate(2) itself: where it is not supported, `os.posix_fallocate` writes to every block instead.
    """
    if _fallocate is None:
        return
    failed = _fallocate(file.fileno(), 0, ctypes.c_int64(start), ctypes.c_int64(size))
    if failed and ctypes.get_errno() in (errno.ENOSPC, errno.EDQUOT):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def create(path: Path) -> BinaryIO:
    """A new file, unbuffered; blocks."""
    return path.open("wb", 0)


def _close_result(opening: asyncio.Future[BinaryIO]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
