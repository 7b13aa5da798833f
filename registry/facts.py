"""Facts about digests, kept on disk: what a manifest or config says never changes (SQLite, for several processes).

Nothing is believed because it was kept: readers verify digests. A file that is damaged is made anew, and one that is
locked for too long counts as empty, so that a cache never is the reason why something fails.
"""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import structlog

_SECONDS_BETWEEN_TOUCHES = 3600
"""Reading takes note of the use that often only: a note is a write."""
_WRITES_PER_CHECK = 256
_SHARE_KEPT = 0.8
_SECONDS_BETWEEN_TRIES = 0.02
_LARGEST_FACT = 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
  owner TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
  written_at REAL NOT NULL, used_at REAL NOT NULL, PRIMARY KEY (owner, kind, key)
);
CREATE INDEX IF NOT EXISTS facts_by_use ON facts (used_at);
"""

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class FactStore:
    """Values by owner (whose eyes saw it), kind and key; the least recently used are dropped when there are too many.

    Without a path it lives in memory and ends with the process.
    """

    def __init__(
        self,
        path: Path | None = None,
        most_bytes: int = 64 * 1024 * 1024,
        seconds_to_wait: float = 2.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._seconds_to_wait = seconds_to_wait
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._writes = 0

    async def get(self, owner: str, kind: str, key: str) -> bytes | None:
        """The value, or None."""
        return (await self.get_many(owner, kind, [key])).get(key)

    async def get_many(self, owner: str, kind: str, keys: Iterable[str], newer_than: float = 0.0) -> dict[str, bytes]:
        """The values that are there, of those that were written after a moment (seconds since the epoch)."""
        wanted = list(keys)
        return await asyncio.to_thread(self._guarded, lambda: self._get(owner, kind, wanted, newer_than), {})

    async def put(self, owner: str, kind: str, values: Mapping[str, bytes]) -> None:
        """Keep values; those of more than 1 MiB are not."""
        kept = {key: value for key, value in values.items() if len(value) <= _LARGEST_FACT}
        if kept:
            await asyncio.to_thread(self._guarded, lambda: self._put(owner, kind, kept), None)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _guarded(self, work: Callable[[], Result], otherwise: Result) -> Result:
        with self._lock:
            try:
                return work()
            except sqlite3.OperationalError as error:
                log.warning("cache of facts not used", problem=str(error))
            except sqlite3.DatabaseError as error:
                log.warning("cache of facts made anew", problem=str(error))
                self._start_again()
            return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._path:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self._path or ":memory:", timeout=self._seconds_to_wait, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        until = time.monotonic() + self._seconds_to_wait
        while True:
            try:
                # With a write-ahead log, readers and one writer don't wait for each other, and kill -9 damages nothing.
                connection.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError:
                # While another process is making the file, SQLite does not wait here as it does elsewhere.
                if time.monotonic() >= until:
                    raise
                time.sleep(_SECONDS_BETWEEN_TRIES)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)

    def _start_again(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
        if self._path:
            for suffix in ("", "-wal", "-shm"):
                with suppress(OSError):
                    Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def _get(self, owner: str, kind: str, keys: list[str], newer_than: float) -> dict[str, bytes]:
        connection, now = self._open(), self._clock()
        found: dict[str, bytes] = {}
        worn: list[str] = []
        rows = connection.execute(
            "SELECT key, value, used_at FROM facts WHERE owner = ? AND kind = ? AND written_at >= ? "
            "AND key IN (SELECT value FROM json_each(?))",
            (owner, kind, newer_than, json.dumps(keys)),
        )
        for key, value, used_at in rows:
            found[key] = value
            if now - used_at > _SECONDS_BETWEEN_TOUCHES:
                worn.append(key)
        for key in worn:
            connection.execute(
                "UPDATE facts SET used_at = ? WHERE owner = ? AND kind = ? AND key = ?", (now, owner, kind, key)
            )
        return found

    def _put(self, owner: str, kind: str, values: Mapping[str, bytes]) -> None:
        connection, now = self._open(), self._clock()
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?)",
                [(owner, kind, key, value, now, now) for key, value in values.items()],
            )
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self._writes += len(values)
        if self._writes >= _WRITES_PER_CHECK:
            self._writes = 0
            self._shrink(connection)

    def _shrink(self, connection: sqlite3.Connection) -> None:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        used = (pages - free) * size
        if used > self._most_bytes:
            rows = connection.execute("SELECT COUNT(*) FROM facts").fetchone()[0]
            surplus = 1 - _SHARE_KEPT * self._most_bytes / used
            connection.execute(
                "DELETE FROM facts WHERE rowid IN (SELECT rowid FROM facts ORDER BY used_at LIMIT ?)",
                (math.ceil(rows * surplus),),
            )
