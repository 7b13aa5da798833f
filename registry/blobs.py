"""Blobs coming down: streamed, verified as they come, resumed after a cut (OCI distribution-spec, «Pulling blobs»)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import httpx

from registry import metrics
from registry.content import Verifier
from registry.descriptor import Descriptor
from registry.errors import ConnectionFailed, ContentMismatch, NotFound, RegistryError
from registry.exchange import Ask
from registry.names import Digest, Repository
from registry.scope import Scope
from registry.translation import Purpose, connection_failed
from registry.transport import Transport


async def exists(transport: Transport, repository: Repository, digest: Digest) -> bool:
    """Whether the repository has the blob (HEAD). Raises a RegistryError for anything but yes and no."""
    ask = Ask(
        f"look for the blob {digest} in {repository}",
        "HEAD",
        f"/v2/{repository.path}/blobs/{digest}",
        (Scope.pull(repository),),
    )
    try:
        await transport.read(ask)
    except NotFound:
        return False
    return True


async def read(transport: Transport, repository: Repository, descriptor: Descriptor, limit: int) -> bytes:
    """Read a small blob whole. Raises ContentMismatch when it is larger than the limit, or not what it should be."""
    if descriptor.size > limit:
        raise ContentMismatch(
            f"read the blob {descriptor.digest} of {repository}",
            f"it has {descriptor.size} bytes, more than the limit of {limit}",
            "An image's config is far smaller; look at what was pushed.",
        )
    content = bytearray()
    async with stream(transport, repository, descriptor) as chunks:
        async for chunk in chunks:
            content += chunk
    return bytes(content)


@asynccontextmanager
async def stream(
    transport: Transport, repository: Repository, descriptor: Descriptor
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Stream a blob; the iterator raises ContentMismatch or another RegistryError before its end."""
    download = _Download(transport, repository, descriptor)
    chunks = download.chunks()
    try:
        yield chunks
    finally:
        await chunks.aclose()


class _Download:
    """One blob on its way down, over as many connections as it takes."""

    def __init__(self, transport: Transport, repository: Repository, descriptor: Descriptor) -> None:
        self._transport = transport
        self._descriptor = descriptor
        self._verifier = Verifier(descriptor, str(repository))
        self._action = f"read the blob {descriptor.digest} of {repository}"
        self._path = f"/v2/{repository.path}/blobs/{descriptor.digest}"
        self._scopes = (Scope.pull(repository),)
        self._moved = metrics.BYTES.labels(transport.access.registry.host, "down")

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The blob's bytes, each once and in order."""
        failures = 0
        while True:
            before = self._verifier.position
            try:
                async for chunk in self._rest():
                    yield chunk
                break
            except ConnectionFailed as error:
                # Progress earns a fresh set of attempts: a long download may be cut many times.
                failures = 1 if self._verifier.position > before else failures + 1
                await self._wait_or_give_up(failures, error)
        self._verifier.finish()

    async def _wait_or_give_up(self, failures: int, error: RegistryError) -> None:
        retry = self._transport.retry
        if failures >= retry.attempts or not retry.is_worth_repeating(error):
            raise error
        await retry.sleep(retry.delay(failures, error))

    async def _rest(self) -> AsyncIterator[bytes]:
        start = self._verifier.position
        async with self._transport.open(self._ask(start)) as response:
            position = self._first_byte(response, start)
            try:
                async for chunk in response.aiter_raw():
                    new = chunk[max(0, start - position) :]
                    self._verifier.feed(position, chunk) if new else None
                    position += len(chunk)
                    self._moved.inc(len(chunk))
                    if new:
                        yield new
            except (httpx.HTTPError, OSError) as error:
                host = response.url.netloc.decode()
                raise connection_failed(error, Purpose(self._action, host)) from error

    def _ask(self, start: int) -> Ask:
        headers = {"Range": f"bytes={start}-{self._descriptor.size - 1}"} if start else {}
        return Ask(
            self._action, "GET", self._path, self._scopes, headers, expected=frozenset({200, 206} if start else {200})
        )

    def _first_byte(self, response: httpx.Response, start: int) -> int:
        # A registry may ignore Range (RFC 9110, section 14.2): then what we have comes again and is passed over.
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            return 0
        said = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
        if said != str(start):
            raise ContentMismatch(
                self._action, f"the registry sent bytes from {said or 'nowhere'} where {start} was asked for"
            )
        return start
