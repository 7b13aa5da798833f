"""Content on the move: how it is opened, and how its digest and size are verified as it passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TypeVar

from registry.descriptor import Descriptor
from registry.errors import ContentMismatch

OpenContent = Callable[[int], BinaryIO]
"""Opens content at an offset in bytes, unbuffered; blocks. May be called again, to resume or to repeat."""

Chunk = TypeVar("Chunk", bytes, memoryview)

CHUNK_SIZE = 1024 * 1024
"""Bytes read at once: large enough that a system call costs little, small enough to keep memory flat."""


class Verifier:
    """Hashes content as it passes, each byte once however often the transfer is resumed."""

    def __init__(self, descriptor: Descriptor, what: str) -> None:
        self._descriptor = descriptor
        self._what = what
        self._hasher = descriptor.digest.hasher()
        self.position = 0
        """Bytes hashed so far."""

    def feed(self, offset: int, chunk: Chunk) -> Chunk:
        """Take the chunk that starts at this offset; gives what of it is new. Raises ContentMismatch for too much."""
        new = chunk[self.position - offset :] if offset < self.position else chunk
        self.position += len(new)
        if self.position > self._descriptor.size:
            raise self._mismatch(f"it has more than the {self._descriptor.size} bytes that its descriptor says")
        self._hasher.update(new)
        return new

    def finish(self) -> None:
        """Compare with the descriptor. Raises ContentMismatch."""
        if self.position != self._descriptor.size:
            raise self._mismatch(f"it has {self.position} bytes, and its descriptor says {self._descriptor.size}")
        if self._hasher.hexdigest() != self._descriptor.digest.hex:
            raise self._mismatch(
                f"its bytes have the digest {self._descriptor.digest.algorithm}:{self._hasher.hexdigest()}"
            )

    def _mismatch(self, cause: str) -> ContentMismatch:
        return ContentMismatch(
            f"verify {self._descriptor.digest} from {self._what}",
            cause,
            "The content was damaged where it is stored or on its way; build or push it again.",
        )
