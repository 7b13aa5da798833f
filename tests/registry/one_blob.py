"""One blob on its way to a registry and back."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from registry.bulk.exchange import Take
from registry.client import RegistryClient
from registry.descriptor import Descriptor
from registry.endpoint import Access, Endpoint
from registry.limits import Limits
from registry.names import Digest, Registry, Repository
from registry.remote import Remote
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real.certificates import ALIAS
from tests.real.registries import RealRegistry

MIB = 1024 * 1024
BLOB = os.urandom(3 * MIB + 17)
DESCRIPTOR = Descriptor("application/vnd.oci.image.layer.v1.tar", Digest.of(BLOB), len(BLOB))
LIMITS = Limits(connect=5, idle=5, page=5, commit=5, tag_list_age=0)
ONCE = Retry(attempts=1, sleep=no_sleep)


class Zeros(io.RawIOBase):
    """Zeros without end; takes note of how many were read."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        self.given += size
        return bytes(size)


@asynccontextmanager
async def trying_once() -> AsyncIterator[RegistryClient]:
    """A client that tries everything once."""
    async with RegistryClient(LIMITS, ONCE) as client:
        yield client


def by_its_name(registry: RealRegistry) -> Access:
    """Under a name that only a proxy can resolve."""
    host = registry.host.replace("127.0.0.1", ALIAS)
    return replace(registry.access, endpoint=Endpoint(Registry(host), f"{registry.scheme}://{host}"))


class Taken:
    """A sink that keeps what came since it began last."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.begun = self.completed = 0

    def begin(self) -> Take:
        self.content.clear()
        self.begun += 1
        return self.content.extend

    def complete(self) -> None:
        self.completed += 1


async def push(remote: Remote, path: str) -> Repository:
    repository = Repository.parse(path, remote.registry)
    await remote.push_blob(repository, DESCRIPTOR, lambda offset: io.BytesIO(BLOB[offset:]))
    return repository


async def fetch(remote: Remote, repository: Repository) -> bytes:
    taken = Taken()
    await remote.fetch_blob(repository, DESCRIPTOR, taken)
    assert taken.completed == 1
    return bytes(taken.content)


async def move(access: Access, path: str) -> None:
    """Push a blob and fetch it back."""
    async with RegistryClient(LIMITS, ONCE) as client:
        remote = client.remote(access)
        assert await fetch(remote, await push(remote, path)) == BLOB
