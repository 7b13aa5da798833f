"""Blobs in and out of the local registry, streamed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from registry.open_files import opened, write

_CHUNK_SIZE = 1024 * 1024
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


async def receive(request: Request, path: Path) -> int:
    """Append a request's body to an upload; its size afterwards."""
    async with opened(lambda: path.open("ab", 0)) as file:
        async for chunk in request.stream():
            await write(file, chunk)
        return file.tell()


async def send(request: Request, path: Path, digest: str) -> Response:
    """Answer with a blob, or with the part of it that `Range` asks for."""
    size = (await asyncio.to_thread(path.stat)).st_size
    headers = {"Docker-Content-Digest": digest, "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    start, end, status = 0, size - 1, 200
    if wanted := _RANGE.fullmatch(request.headers.get("Range", "")):
        start, end, status = int(wanted[1]), min(int(wanted[2] or size), size - 1), 206
        if start >= size:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    headers["Content-Length"] = str(end - start + 1)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_part(path, start, end + 1 - start), status, headers)


async def _part(path: Path, start: int, rest: int) -> AsyncIterator[bytes]:
    async with opened(lambda: path.open("rb", 0)) as file:
        file.seek(start)
        while rest > 0 and (chunk := await asyncio.to_thread(file.read, min(_CHUNK_SIZE, rest))):
            rest -= len(chunk)
            yield chunk
