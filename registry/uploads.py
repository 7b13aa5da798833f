"""Blobs going up: one streamed upload, in chunks where a registry wants them, resumed after a cut.

OCI distribution-spec, «Pushing blobs».
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace

import httpx

from registry import blobs, metrics
from registry.content import CHUNK_SIZE, OpenContent, Verifier
from registry.descriptor import Descriptor
from registry.errors import ConnectionFailed, NotARegistry, RegistryError, RequestRefused
from registry.exchange import Ask, number
from registry.names import Digest, Repository
from registry.redirects import check_redirect
from registry.scope import Scope
from registry.translation import Purpose
from registry.transport import Transport

_MIB = 1024 * 1024
_CHUNKS_BY_HOST = {"ghcr.io": 4 * _MIB}
"""Largest request body that a registry takes, where it is small enough to matter.

Least sizes (Amazon ECR's 5 MiB, `OCI-Chunk-Min-Length`) hold for every chunk but the last: a blob that is sent whole,
or the rest of one after a cut, is the last.
"""
_RESTARTED = frozenset({404, 416})


@dataclass(frozen=True, slots=True)
class _Session:
    """An upload session: where its next request goes, and how large a request may be (0: as large as it gets)."""

    location: str
    chunk: int = 0


async def mount(transport: Transport, repository: Repository, digest: Digest, source: Repository) -> bool:
    """Ask for the blob of another repository; a refusal of any kind means «upload it»."""
    ask = Ask(
        f"mount {digest} of {source} into {repository}",
        "POST",
        f"/v2/{repository.path}/blobs/uploads/?mount={digest}&from={source.path}",
        (Scope.push(repository), Scope.pull(source)),
        expected=frozenset({201, 202}),
    )
    # Whatever is wrong here, the upload that follows does without it, or says what it is.
    with suppress(RegistryError):
        response, _ = await transport.read(ask)
        if response.status_code == httpx.codes.CREATED:
            return True
        await _discard(transport, repository, await _location(transport, response, ask.action))
    return False


async def push(transport: Transport, repository: Repository, descriptor: Descriptor, open_content: OpenContent) -> None:
    """Upload a blob. Raises ContentMismatch when what is read is not what the descriptor says, or a RegistryError."""
    await _Upload(transport, repository, descriptor, open_content).run()


class _Upload:
    """One blob on its way up, over as many connections and sessions as it takes."""

    def __init__(
        self, transport: Transport, repository: Repository, descriptor: Descriptor, open_content: OpenContent
    ) -> None:
        self._transport = transport
        self._repository = repository
        self._descriptor = descriptor
        self._open_content = open_content
        self._verifier = Verifier(descriptor, f"the image for {repository}")
        self._action = f"upload the blob {descriptor.digest} to {repository}"
        self._scopes = (Scope.push(repository),)
        self._moved = metrics.BYTES.labels(transport.access.registry.host, "up")
        self._session: _Session | None = None
        self._reauthorized = False

    async def run(self) -> None:
        """Upload, and resume or start again while that is worth it."""
        failures = 0
        try:
            while True:
                try:
                    return await self._attempt()
                except (ConnectionFailed, RequestRefused) as error:
                    failures += 1
                    await self._wait_or_give_up(failures, error)
                    if await self._has_arrived():
                        return None
        except BaseException:
            await self._abandon()
            raise

    async def _attempt(self) -> None:
        offset = await self._received() if self._session else 0
        if self._session is None:
            self._session = await self._start()
        if offset or self._session.chunk:
            await self._send_chunks(offset)
        else:
            await self._send_whole()
        self._session = None

    async def _wait_or_give_up(self, failures: int, error: RegistryError) -> None:
        retry = self._transport.retry
        lost = isinstance(error, RequestRefused) and self._session is not None and self._may_start_again(error)
        if lost:
            self._session = None
        if failures >= retry.attempts or not (lost or retry.is_worth_repeating(error)):
            raise error
        await retry.sleep(retry.delay(failures, error))

    def _may_start_again(self, error: RequestRefused) -> bool:
        # A token may be revoked in mid-transfer; the transport has a new one by now, which one try may use.
        first_401 = error.status == httpx.codes.UNAUTHORIZED and not self._reauthorized
        self._reauthorized = self._reauthorized or first_401
        return first_401 or error.status in _RESTARTED

    async def _has_arrived(self) -> bool:
        # The answer to the last request may have been lost after the registry had stored everything.
        if self._verifier.position < self._descriptor.size:
            return False
        with suppress(RegistryError):
            return await blobs.exists(self._transport, self._repository, self._descriptor.digest)
        return False

    async def _start(self) -> _Session:
        ask = self._ask("POST", f"/v2/{self._repository.path}/blobs/uploads/", expected={202})
        response, _ = await self._transport.read(ask)
        least = response.headers.get("OCI-Chunk-Min-Length", "")
        chunk = _CHUNKS_BY_HOST.get(self._transport.access.registry.host, 0)
        if chunk:
            chunk = max(chunk, number(least))
        return _Session(await _location(self._transport, response, self._action), chunk)

    async def _received(self) -> int:
        assert self._session is not None  # noqa: S101
        try:
            response, _ = await self._transport.read(self._ask("GET", self._session.location, expected={204, 200}))
            location = await _location(self._transport, response, self._action)
        except (RequestRefused, NotARegistry):
            self._session = None
            return 0
        self._session = replace(self._session, location=location)
        last = number(response.headers.get("Range", "").rpartition("-")[2])
        # «0-0» is what registries say for nothing as well as for one byte: a new session leaves no doubt.
        if not 0 < last < self._verifier.position:
            await self._abandon()
            self._session = None
            return 0
        return last + 1

    async def _send_whole(self) -> None:
        with closing(self._content(0, self._descriptor.size)) as content:
            await self._put(self._descriptor.size, content)

    async def _send_chunks(self, offset: int) -> None:
        assert self._session is not None  # noqa: S101
        size = self._descriptor.size
        step = self._session.chunk or size
        while offset < size:
            end = min(size, offset + step)
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(end - offset),
                "Content-Range": f"{offset}-{end - 1}",
            }
            with closing(self._content(offset, end)) as content:
                ask = self._ask("PATCH", self._session.location, {202, 201, 204}, headers, content)
                response, _ = await self._transport.read(ask)
            self._session = _Session(await _location(self._transport, response, self._action), self._session.chunk)
            offset = end
        self._verifier.finish()
        await self._put(0, None)

    async def _put(self, length: int, body: Iterator[bytes] | None) -> None:
        assert self._session is not None  # noqa: S101
        digest = str(self._descriptor.digest)
        location = self._session.location
        url = f"{location}{'&' if '?' in location else '?'}digest={digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        # A registry answers only after it has hashed and moved what it got.
        ask = replace(self._ask("PUT", url, {201, 204}, headers, body), seconds=self._transport.limits.commit)
        await self._transport.read(ask)

    def _content(self, start: int, end: int) -> Generator[bytes]:
        """Read and hash, in the thread that sends."""
        with self._open_content(start) as file:
            position = start
            while True:
                piece = file.read(min(CHUNK_SIZE, end - position))
                self._verifier.feed(position, piece)
                position += len(piece)
                if position >= self._descriptor.size or (not piece and position < end):
                    # Before the last piece is given away: a registry must not get a whole blob of wrong bytes.
                    self._verifier.finish()
                if not piece:
                    return
                self._moved.inc(len(piece))
                yield piece

    def _ask(
        self,
        method: str,
        path: str,
        expected: set[int],
        headers: dict[str, str] | None = None,
        body: Iterator[bytes] | None = None,
    ) -> Ask:
        return Ask(
            self._action, method, path, self._scopes, headers or {}, body, frozenset(expected), is_bulk=body is not None
        )

    async def _abandon(self) -> None:
        if self._session is not None:
            await asyncio.shield(_discard(self._transport, self._repository, self._session.location))


async def _discard(transport: Transport, repository: Repository, location: str) -> None:
    """Tell the registry that a session is not needed; it expires by itself where that fails."""
    ask = Ask(
        f"give up an upload to {repository}",
        "DELETE",
        location,
        (Scope.push(repository),),
        expected=frozenset({200, 202, 204}),
        seconds=5.0,
    )
    with suppress(RegistryError):
        await transport.read(ask)


async def _location(transport: Transport, response: httpx.Response, action: str) -> str:
    location = response.headers.get("Location", "").partition("#")[0]
    if not location:
        raise NotARegistry(
            action, f"{transport.access.registry} did not say where to upload", "Look at proxies in between."
        )
    purpose = Purpose(action, response.url.netloc.decode())
    return str(await check_redirect(response.url, location, transport.access.endpoint, purpose, "an upload session"))
