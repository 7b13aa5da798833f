"""The head of an answer, read by h11 within a time for the whole of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import h11
import httpx

LARGEST_HEAD = 64 * 1024


class Deadline:
    """Until when several steps have time together; without seconds, for ever."""

    def __init__(self, seconds: float | None) -> None:
        self._until = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """Seconds that are left, below zero when it has passed; None for ever."""
        return None if self._until is None else self._until - time.monotonic()

    @property
    def has_passed(self) -> bool:
        """Whether nothing is left."""
        return (left := self.left) is not None and left <= 0


def new_machine() -> h11.Connection:
    """HTTP as a client speaks it; a head is refused when it is too large."""
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)


def read_head(
    next_event: Callable[[], object], feed: Callable[[float | None], None], seconds: float | None
) -> h11.Response:
    """Read to the end of the head, past all hints; `feed` gets more bytes, in so many seconds.

    Raises httpx.ReadTimeout, RemoteProtocolError, and what the two raise.
    """
    deadline = Deadline(seconds)
    while not isinstance(event := next_event(), h11.Response):
        # For the whole of it: a head that drips in, or hints without end, are never too late for a single read.
        if deadline.has_passed:
            raise httpx.ReadTimeout("the head of the answer took too long")
        if event is h11.NEED_DATA:
            feed(deadline.left)
        elif not isinstance(event, h11.InformationalResponse):
            raise httpx.RemoteProtocolError("something else than an answer")
    return event
