"""What the operating system refuses, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from handlers.errors import OperationFailed


@contextmanager
def files_in_words(action: str) -> Iterator[None]:
    """Translate failures of reading and writing files: no permission, no room. Raises OperationFailed."""
    try:
        yield
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        raise OperationFailed(
            action,
            f"{error.strerror or 'a file could not be read or written'}{place}",
            "Look at the room on the disk, and at what this server's user may read and write.",
        ) from error
