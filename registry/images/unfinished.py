"""Folders for what is not finished yet: gone whatever happens, after kill -9 when the next one begins."""

from __future__ import annotations

import fcntl
import glob
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from registry.concurrency import to_the_end

_SECONDS_TO_LOCK = 60.0
"""A younger folder without a lock may be one that is just being made."""


@asynccontextmanager
async def unfinished(parent: Path, name: str) -> AsyncIterator[Path]:
    """A folder `.NAME-….partial` in a parent that is made if need be; what was left of earlier ones is removed."""
    folder = parent / f".{name}-{secrets.token_hex(8)}.partial"
    locks: list[int] = []
    try:
        await to_the_end(partial(_begin, folder, name, locks))
        yield folder
    finally:
        await to_the_end(partial(_end, folder, locks))


def _begin(folder: Path, name: str, locks: list[int]) -> None:
    folder.mkdir(mode=0o700, parents=True)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    locks.append(lock)
    # The kernel lets go of it when the process ends, however it ends.
    fcntl.flock(lock, fcntl.LOCK_EX)
    for other in folder.parent.glob(f".{glob.escape(name)}-*.partial"):
        if other != folder:
            with suppress(OSError):
                _remove_if_left(other)


def _end(folder: Path, locks: list[int]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for lock in locks:
        os.close(lock)


def _remove_if_left(folder: Path) -> None:
    if time.time() - folder.stat().st_mtime < _SECONDS_TO_LOCK:
        return
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
