"""Blobs coming down: streamed, verified as they come, resumed after a cut (OCI distribution-spec, «Pulling blobs»)."""

from __future__ import annotations

import asyncio

import httpx
from prometheus_client import Counter

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
    content: list[bytes] = []
    await download(transport, repository, descriptor, lambda piece: content.append(bytes(piece)))
    return b"".join(content)


async def download(transport: Transport, repository: Repository, descriptor: Descriptor, take: Take) -> None:
    """Stream a blob into `take`, each byte once and in order, verified and resumed after cuts.

    When this returns, all of it was right: until then, what was taken is not to be used. Raises ContentMismatch or
    another RegistryError.
    """
    await _Download(transport, repository, descriptor, take).run()


class _Download:
    """One blob on its way down, over as many connections as it takes."""

    def __init__(self, transport: Transport, repository: Repository, descriptor: Descriptor, take: Take) -> None:
        self._transport = transport
        self._descriptor = descriptor
        self._take = take
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
            except ConnectionFailed as error:
                # Progress earns a fresh set of attempts: a long download may be cut many times.
                failures = 1 if self._verifier.position > before else failures + 1
                await self._wait_or_give_up(failures, error)
        self._verifier.finish()
        if not self._descriptor.size:
            await asyncio.to_thread(self._take, memoryview(b""))

    async def _wait_or_give_up(self, failures: int, error: RegistryError) -> None:
        retry = self._transport.retry
        if failures >= retry.attempts or not retry.is_worth_repeating(error):
            raise error
        await retry.sleep(retry.delay(failures, error))

    async def _rest(self) -> None:
        start = self._verifier.position
        async with self._transport.open(self._ask(start)) as response:
            arriving = _Arriving(self._first_byte(response, start), self._verifier, self._take, self._moved)
            try:
                await pour(response, arriving.work)
            except httpx.HTTPError as error:
                host = response.url.netloc.decode()
                raise connection_failed(error, Purpose(self._action, host)) from error

    def _ask(self, start: int) -> Ask:
        # Where only the end of the transfer was missing, there is no rest to be asked for: it comes again, whole.
        resumes = 0 < start < self._descriptor.size
        headers = {"Range": f"bytes={start}-{self._descriptor.size - 1}"} if resumes else {}
        return Ask(
            self._action,
            "GET",
            self._path,
            self._scopes,
            headers,
            expected=frozenset({200, 206} if resumes else {200}),
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


class _Arriving:
    """The bytes of one connection, which may begin before the first one that is new."""

    def __init__(self, position: int, verifier: Verifier, take: Take, moved: Counter) -> None:
        self._position = position
        self._verifier = verifier
        self._take = take
        self._moved = moved

    def work(self, piece: memoryview) -> None:
        """Hash what is new, and pass it on; runs in a thread."""
        known = max(0, self._verifier.position - self._position)
        self._verifier.feed(self._position, piece)
        self._position += len(piece)
        self._moved.inc(len(piece))
        if known < len(piece):
            self._take(piece[known:])
