"""Reading a request's body within bounds."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from plugin.dispatch import too_large

_SECONDS = 60
_MOST_DRAINED = 64 * 1024 * 1024
"""Bytes of an oversized body that are read and dropped, so that the caller hears the answer and not a broken pipe."""


class BodyRefused(Exception):
    """A body that is too large or too slow; `str()` is the answer."""


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, of `limit` bytes at most. Raises BodyRefused, or ClientDisconnect where the body breaks off."""
    try:
        async with asyncio.timeout(_SECONDS):
            return await _read(request, limit)
    except TimeoutError:
        raise BodyRefused(f"The request's body did not arrive within {_SECONDS} seconds.") from None


async def _read(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > limit + _MOST_DRAINED:
            break
        else:
            chunks.clear()
    if size > limit:
        raise BodyRefused(too_large(limit))
    return b"".join(chunks)
