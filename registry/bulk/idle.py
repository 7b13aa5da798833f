"""Connections between two exchanges: kept for a while, and closed when nobody has come."""

from __future__ import annotations

import asyncio
import time

from registry.bulk.connection import Connection
from registry.bulk.route import Route

_KEEP_ALIVE = 30.0
_MOST = 32


class IdleConnections:
    """What is kept of connections; used from the loop only, and never blocks."""

    def __init__(self) -> None:
        self._kept: list[tuple[Connection, float]] = []
        self._closing: asyncio.TimerHandle | None = None

    def take(self, route: Route) -> Connection | None:
        """A connection of this route that its host has not ended; the one that was used last."""
        for place in reversed(range(len(self._kept))):
            connection = self._kept[place][0]
            if connection.route == route:
                del self._kept[place]
                if not connection.is_stale:
                    return connection
                connection.close()
        return None

    def keep(self, connection: Connection) -> None:
        """Keep it for the next one; the oldest makes room."""
        self._kept.append((connection, time.monotonic()))
        if len(self._kept) > _MOST:
            self._kept.pop(0)[0].close()
        if self._closing is None:
            self._closing = asyncio.get_running_loop().call_later(_KEEP_ALIVE, self._close_old)

    def close(self) -> None:
        """Close all of them."""
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        while self._kept:
            self._kept.pop()[0].close()

    def _close_old(self) -> None:
        self._closing = None
        while self._kept and self._kept[0][1] <= time.monotonic() - _KEEP_ALIVE:
            self._kept.pop(0)[0].close()
        if self._kept:
            self._closing = asyncio.get_running_loop().call_later(_KEEP_ALIVE, self._close_old)
