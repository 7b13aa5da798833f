"""Blobs coming down: streamed, verified as they come, resumed after a cut (OCI distribution-spec, «Pulling blobs»)."""

from __future__ import annotations

import asyncio
from typing import Protocol

import httpx

from registry import metrics
from registry.bulk.engine import pour
from registry.bulk.exchange import Take
from registry.content import Verifier
from registry.descriptor import Descriptor
from registry.errors import ConnectionFailed, ContentMismatch, NotFound, RegistryError
from registry.exchange import Ask, number
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
    content = _Content()
    await download(transport, repository, descriptor, content)
    return b"".join(content.pieces)


class Sink(Protocol):
    """What a blob is streamed into."""

    def begin(self) -> Take:
        """Start over. What is given gets each byte once and in order; it is called in threads."""

    def complete(self) -> None:
        """Hear, once, that what was taken is whole and right; until then it is not to be used.

        Called in the thread that took the end. Whoever cancels the transfer waits for it.
        """


class _Content:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def begin(self) -> Take:
        self.pieces.clear()
        return lambda piece: self.pieces.append(bytes(piece))

    def complete(self) -> None:
        """All pieces are there."""


async def download(transport: Transport, repository: Repository, descriptor: Descriptor, sink: Sink) -> None:
    """Stream a blob into a sink, verified and resumed after cuts. Raises ContentMismatch or another RegistryError."""
    await _Download(transport, repository, descriptor, sink).run()


class _Download:
    """One blob on its way down, over as many connections as it takes."""

    def __init__(self, transport: Transport, repository: Repository, descriptor: Descriptor, sink: Sink) -> None:
        self._transport = transport
        self._descriptor = descriptor
        self._sink = sink
        self._take = sink.begin()
        self._is_complete = False
        self._arriving = 0
        """Where the next byte of this connection belongs, which may be one that is known."""
        self._verifier = Verifier(descriptor, str(repository))
        self._action = f"read the blob {descriptor.digest} of {repository}"
        self._path = f"/v2/{repository.path}/blobs/{descriptor.digest}"
        self._scopes = (Scope.pull(repository),)
        self._moved = metrics.BYTES.labels(transport.access.registry.host, "down")

    async def run(self) -> None:
        """Read to the end, from where it was cut if need be."""
        failures = 0
        while True:
            before = self._verifier.position
            try:
                await self._rest()
                break
            except RegistryError as error:
                if self._is_complete:
                    # Verified and given away: nothing that the connection brought behind it counts.
                    break
                if not isinstance(error, ConnectionFailed):
                    raise
                # Progress earns a fresh set of attempts: a long download may be cut many times.
                failures = 1 if self._verifier.position > before else failures + 1
                await self._wait_or_give_up(failures, error)
        if not self._is_complete:
            # It is empty, or shorter than it should be.
            await asyncio.to_thread(self._receive, memoryview(b""))
            self._verifier.finish()

    async def _wait_or_give_up(self, failures: int, error: RegistryError) -> None:
        retry = self._transport.retry
        if failures >= retry.attempts or not retry.is_worth_repeating(error):
            raise error
        await retry.sleep(retry.delay(failures, error))

    async def _rest(self) -> None:
        start = self._verifier.position
        async with self._transport.open(self._ask(start)) as response:
            self._arriving = self._first_byte(response, start)
            try:
                await pour(response, self._receive)
            except httpx.HTTPError as error:
                host = response.url.netloc.decode()
                raise connection_failed(error, Purpose(self._action, host)) from error

    def _ask(self, start: int) -> Ask:
        headers = {"Range": f"bytes={start}-{self._descriptor.size - 1}"} if start else {}
        return Ask(
            self._action,
            "GET",
            self._path,
            self._scopes,
            headers,
            expected=frozenset({200, 206} if start else {200}),
            is_bulk=True,
        )

    def _first_byte(self, response: httpx.Response, start: int) -> int:
        # A registry may ignore Range (RFC 9110, section 14.2): then what we have comes again and is passed over.
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            return 0
        said = number(response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0])
        if said != start:
            raise ContentMismatch(
                self._action,
                f"the registry sent bytes from {said} where {start} was asked for",
                "The registry or something between answers ranges wrongly; look at proxies and caches.",
            )
        return start

    def _receive(self, piece: memoryview) -> None:
        """Hash what is new, and pass it on; the last piece completes it. Runs in a thread."""
        new = self._verifier.feed(self._arriving, piece)
        self._arriving += len(piece)
        self._moved.inc(len(piece))
        is_last = self._verifier.position == self._descriptor.size and not self._is_complete
        if is_last or new:
            self._take(new)
        if is_last:
            self._verifier.finish()
            self._is_complete = True
            self._sink.complete()
