"""The registry client's share of a benchmark, as a process of its own: one JSON line of seconds and peak memory.

Start-up and imports are not in the seconds: the client lives in a server that runs for weeks.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import uvloop

from benchmarks.processes import peak_mebibytes
from registry import media_types
from registry.bulk.exchange import Take
from registry.cache import Cache
from registry.client import RegistryClient
from registry.descriptor import Descriptor
from registry.endpoint import Access, Endpoint
from registry.names import Digest, Repository
from registry.remote import Remote

AT_ONCE = 32
WARM_UP = 64
_DAY = 86_400.0


async def digests(host: str, path: str, count: str, folder: str) -> float:
    """What all tags of a repository name, with a cache in this folder."""
    cache = Cache.in_folder(Path(folder), 0)
    async with RegistryClient(cache=cache) as client:
        remote, repository = _repository(client, host, path)
        began = time.perf_counter()
        found = await remote.digests(repository, await remote.tags(repository), _DAY)
        seconds = time.perf_counter() - began
    assert len({descriptor.digest for descriptor in found.values()}) == int(count)
    return seconds


async def resolve(host: str, path: str, count: str) -> float:
    """HEAD one tag after another through the whole client."""
    async with RegistryClient() as client:
        remote, repository = _repository(client, host, path)
        return await _count(int(count), lambda number: remote.resolve(repository.tag(f"1.{number}")))


async def plain_aiohttp(host: str, path: str, count: str) -> float:
    """The same requests by aiohttp alone."""
    headers = {"Accept": ", ".join(media_types.ACCEPTED)}
    async with aiohttp.ClientSession() as session:

        async def head(number: int) -> None:
            async with session.head(f"http://{host}/v2/{path}/manifests/1.{number}", headers=headers) as answer:
                assert answer.status == 200

        return await _count(int(count), head)


async def download(host: str, path: str, digest: str, size: str) -> float:
    """Read a blob to its end, which verifies it."""
    async with RegistryClient() as client:
        remote, repository = _repository(client, host, path)
        blob = Descriptor(media_types.OCI_LAYER_GZIP, Digest.parse(digest), int(size))
        began = time.perf_counter()
        await remote.fetch_blob(repository, blob, Nowhere())
        return time.perf_counter() - began


class Nowhere:
    """Takes no more of the bytes than their having come."""

    def begin(self) -> Take:
        return self._drop

    def complete(self) -> None:
        """Nothing is left to be done."""

    def _drop(self, piece: memoryview) -> None:
        pass


async def download_aiohttp(host: str, path: str, digest: str, size: str) -> float:
    """The same bytes by aiohttp alone, hashed."""
    began = time.perf_counter()
    hasher = hashlib.sha256()
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}/v2/{path}/blobs/{digest}") as answer:
        async for chunk in answer.content.iter_any():
            hasher.update(chunk)
    assert f"sha256:{hasher.hexdigest()}" == digest, size
    return time.perf_counter() - began


def _repository(client: RegistryClient, host: str, path: str) -> tuple[Remote, Repository]:
    remote = client.remote(Access(Endpoint.parse(f"http://{host}")))
    return remote, Repository.parse(path, remote.registry)


async def _count(count: int, one: Callable[[int], Awaitable[object]]) -> float:
    places = asyncio.Semaphore(AT_ONCE)

    async def placed(number: int) -> None:
        async with places:
            await one(number)

    await asyncio.gather(*(placed(number) for number in range(count, count + WARM_UP)))
    began = time.perf_counter()
    await asyncio.gather(*(placed(number) for number in range(count)))
    return time.perf_counter() - began


WORKS: dict[str, Callable[..., Awaitable[float]]] = {
    work.__name__: work for work in (digests, resolve, plain_aiohttp, download, download_aiohttp)
}


def main() -> None:
    """`WORK ARGUMENT…`: do it and print what it took."""

    async def work() -> float:
        return await WORKS[sys.argv[1]](*sys.argv[2:])

    seconds = uvloop.run(work())
    print(json.dumps({"seconds": seconds, "memory": peak_mebibytes()}))


if __name__ == "__main__":
    main()
