"""The store of facts: bounded, shared by processes, and never the reason why something fails."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from registry.cache import Cache
from registry.facts import FactStore


async def test_what_was_put_is_there_for_its_owner_only(tmp_path: Path) -> None:
    store = FactStore(tmp_path / "deep" / "facts.sqlite")
    await store.put("me", "manifest", {"a": b"1", "b": b"2"})
    assert await store.get_many("me", "manifest", ["a", "b", "c"]) == {"a": b"1", "b": b"2"}
    assert await store.get("you", "manifest", "a") is None
    assert await store.get("me", "blob", "a") is None
    store.close()
    again = FactStore(tmp_path / "deep" / "facts.sqlite")
    assert await again.get("me", "manifest", "a") == b"1"
    again.close()


async def test_what_is_too_old_for_a_question_is_not_answered() -> None:
    now = 100.0
    store = FactStore(clock=lambda: now)
    await store.put("me", "tag", {"old": b"1"})
    now = 200.0
    await store.put("me", "tag", {"new": b"2"})
    assert await store.get_many("me", "tag", ["old", "new"], newer_than=150.0) == {"new": b"2"}


async def test_the_least_recently_used_are_dropped_when_there_is_too_much(tmp_path: Path) -> None:
    now = 0.0
    store = FactStore(tmp_path / "facts.sqlite", most_bytes=2 * 1024 * 1024, clock=lambda: now)
    for number in range(1200):
        now += 10
        await store.put("me", "blob", {str(number): bytes(5000)})
        if number % 300 == 0:
            now += 4000
            assert await store.get("me", "blob", "0") is not None, "used, so kept"
    found = await store.get_many("me", "blob", [str(number) for number in range(1200)])
    assert "1199" in found
    assert "1" not in found
    assert 150 < len(found) < 600
    store.close()


async def test_a_value_that_is_too_large_is_not_kept() -> None:
    store = FactStore()
    await store.put("me", "manifest", {"large": bytes(1024 * 1024 + 1)})
    assert await store.get("me", "manifest", "large") is None


async def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    path.write_bytes(b"not a database, and long enough to be taken for one" * 100)
    store = FactStore(path)
    assert await store.get("me", "manifest", "a") is None
    await store.put("me", "manifest", {"a": b"1"})
    assert await store.get("me", "manifest", "a") == b"1"
    store.close()


async def test_a_file_that_another_process_locks_counts_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    store = FactStore(path, seconds_to_wait=0.05)
    await store.put("me", "manifest", {"a": b"1"})
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    await store.put("me", "manifest", {"b": b"2"})
    other.execute("ROLLBACK")
    other.close()
    assert await store.get_many("me", "manifest", ["a", "b"]) == {"a": b"1"}
    await store.put("me", "manifest", {"b": b"2"})
    assert await store.get("me", "manifest", "b") == b"2"
    store.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from registry.facts import FactStore
async def main():
    store = FactStore(Path(sys.argv[1]))
    for number in range(100):
        await store.put("me", "blob", {f"{sys.argv[2]}-{number}": b"x" * 100})
    print(len(await store.get_many("me", "blob", [f"{sys.argv[2]}-{n}" for n in range(100)])))
asyncio.run(main())
"""


async def test_several_processes_share_one_file(tmp_path: Path) -> None:
    path = str(tmp_path / "facts.sqlite")
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, path, str(number), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for number in range(4)
    ]
    for process in processes:
        output, errors = await process.communicate()
        assert output.strip() == b"100", errors.decode()
    store = FactStore(Path(path))
    keys = [f"{writer}-{number}" for writer in range(4) for number in range(100)]
    assert len(await store.get_many("me", "blob", keys)) == 400
    store.close()


async def test_a_file_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    store = FactStore(path)
    putting = asyncio.create_task(store.put("me", "blob", {"a": b"1"}))
    await asyncio.sleep(0.3)
    other.execute("CREATE TABLE another (x)")
    other.execute("COMMIT")
    other.close()
    await putting
    assert await store.get("me", "blob", "a") == b"1"
    store.close()


async def test_a_file_that_stays_locked_is_done_without_and_used_when_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store = FactStore(path, seconds_to_wait=0.1)
    await store.put("me", "blob", {"a": b"1"})
    assert await store.get("me", "blob", "a") is None
    other.execute("COMMIT")
    other.close()
    await store.put("me", "blob", {"a": b"1"})
    assert await store.get("me", "blob", "a") == b"1"
    store.close()


@pytest.mark.parametrize("left", [b"", b"half", bytes(17)])
async def test_a_salt_that_was_cut_is_not_used(left: bytes, tmp_path: Path) -> None:
    first = Cache.in_folder(tmp_path / "cache", 0)
    (tmp_path / "cache" / "salt").write_bytes(left)
    second, third = Cache.in_folder(tmp_path / "cache", 0), Cache.in_folder(tmp_path / "cache", 0)
    assert await first.owner("somebody") != await second.owner("somebody") == await third.owner("somebody")
    assert [path.name for path in (tmp_path / "cache").glob("salt*")] == ["salt"]


async def test_an_owner_is_the_same_tomorrow_and_tells_nothing_of_the_identity(tmp_path: Path) -> None:
    cache = Cache.in_folder(tmp_path / "cache", 0)
    owners = {await cache.owner("identity one"), await cache.owner("identity one"), await cache.owner("identity two")}
    assert len(owners) == 2
    assert not any("identity" in owner for owner in owners)
    again = Cache.in_folder(tmp_path / "cache", 0)
    assert await again.owner("identity one") in owners
    other = Cache.in_folder(tmp_path / "elsewhere", 0)
    assert await other.owner("identity one") not in owners, "each cache has a salt of its own"
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    assert (tmp_path / "cache" / "salt").stat().st_mode & 0o077 == 0
