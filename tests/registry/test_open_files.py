from __future__ import annotations

import asyncio
import io
import time
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from registry.open_files import create, opened, write


class Reluctant(io.BytesIO):
    """Takes three bytes at a time, as a full disk or a signal may make a file do."""

    def write(self, chunk: object) -> int:
        return super().write(bytes(memoryview(cast(bytes, chunk))[:3]))


async def test_a_chunk_is_written_whole_however_little_is_taken_at_once() -> None:
    file = Reluctant()
    await write(file, b"0123456789")
    assert file.getvalue() == b"0123456789"


async def test_a_cancellation_during_opening_closes_the_file(tmp_path: Path) -> None:
    files: list[BinaryIO] = []

    def slowly() -> BinaryIO:
        time.sleep(0.1)
        files.append(create(tmp_path / "file"))
        return files[0]

    async def use() -> None:
        async with opened(slowly):
            raise AssertionError("it was cancelled before")

    task = asyncio.create_task(use())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.2)
    assert files[0].closed
