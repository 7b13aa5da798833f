"""The engine for blobs' bytes, on real sockets: every form of a body, and what ends early."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from registry.client import RegistryClient
from registry.endpoint import TLS, Access, Endpoint
from registry.errors import RegistryError
from registry.images.section import Section, SectionWriter
from registry.layer_check import LayerCheck
from registry.names import Repository
from tests.real.broken_wire import relaying, says, stalling_after
from tests.real.certificates import server_context
from tests.real.registries import RealRegistry
from tests.registry.one_blob import BLOB, DESCRIPTOR, LIMITS, MIB, ONCE, Zeros, fetch, move, push, trying_once


@pytest.fixture
async def client() -> AsyncIterator[RegistryClient]:
    async with trying_once() as client:
        yield client


def chunked(body: bytes) -> bytes:
    pieces = [body[start : start + 70_001] for start in range(0, len(body), 70_001)]
    return b"".join(b"%x;note=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nTrailer: x\r\n\r\n"


BODIES = {
    "with its length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BLOB), BLOB),
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(BLOB),
    "until the connection ends": b"HTTP/1.0 200 OK\r\n\r\n" + BLOB,
    "after hints": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
    % (len(BLOB), BLOB),
    "with more than was asked for behind it": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%bHTTP/1.1 200 OK\r\n\r\n"
    % (len(BLOB), BLOB),
}


@pytest.mark.parametrize("form", BODIES)
async def test_a_body_in_any_form_of_http_arrives_whole(form: str, plain: RealRegistry, client: RegistryClient) -> None:
    with relaying(plain.host) as (wire, host):
        wire.expect("GET", "/blobs/", says(BODIES[form]), times=2)
        remote = client.remote(Access(Endpoint.parse(host)))
        for _ in range(2):
            assert await fetch(remote, Repository.parse("app", remote.registry)) == BLOB
            # Whatever ended or went on behind the body has come before the next request.
            await asyncio.sleep(0.05)


async def test_connections_are_used_again_and_those_that_ended_meanwhile_are_not(
    plain: RealRegistry, repository_path: str, client: RegistryClient
) -> None:
    with relaying(plain.host) as (wire, host):
        remote = client.remote(Access(Endpoint.parse(host)))
        repository = await push(remote, repository_path)
        before = wire.connections
        for _ in range(5):
            assert await fetch(remote, repository) == BLOB
        assert wire.connections == before
        wire.expect("GET", "/blobs/", says(BODIES["with its length"]), times=1)
        for _ in range(2):
            assert await fetch(remote, repository) == BLOB
            await asyncio.sleep(0.05)
        assert wire.connections == before + 1


@pytest.mark.parametrize("tls", [False, True])
async def test_a_refusal_that_comes_while_the_upload_is_stuck_is_heard(
    tls: bool, plain: RealRegistry, tmp_path: Path
) -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
    context, pem = server_context(tmp_path) if tls else (None, "")
    zeros = Zeros()
    with relaying(plain.host, context) as (wire, host):
        wire.expect("PUT", "/blobs/uploads/", stalling_after(refusal), times=1)
        async with RegistryClient(LIMITS, ONCE) as client, asyncio.timeout(3):
            remote = client.remote(Access(Endpoint.parse(f"https://{host}" if tls else host), tls=TLS(pem)))
            large, opened = replace(DESCRIPTOR, size=512 * MIB), cast(BinaryIO, zeros)
            with pytest.raises(RegistryError, match="413"):
                await remote.push_blob(Repository.parse("app", remote.registry), large, lambda offset: opened)
    assert zeros.given < 256 * MIB


@pytest.mark.parametrize("hint", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 3])
async def test_hints_that_come_during_an_upload_do_not_end_it(
    hint: bytes, plain: RealRegistry, client: RegistryClient
) -> None:
    received = bytearray()

    async def hints(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(hint)
        while len(received) < len(BLOB):
            received.extend(await reader.read(MIB))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    with relaying(plain.host) as (wire, host):
        wire.expect("PUT", "/blobs/uploads/", hints, times=1)
        await push(client.remote(Access(Endpoint.parse(host))), "app")
    assert received == BLOB


async def test_what_stands_behind_an_answer_is_not_taken_for_the_next_one(
    plain: RealRegistry, client: RegistryClient, tmp_path: Path, repository_path: str
) -> None:
    context, pem = server_context(tmp_path)
    poisoned = (
        BODIES["with its length"] + b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BLOB) + bytes(len(BLOB))
    )

    with relaying(plain.host, context) as (wire, host):
        remote = client.remote(Access(Endpoint.parse(f"https://{host}"), tls=TLS(pem)))
        repository = await push(remote, repository_path)
        wire.expect("GET", "/blobs/", stalling_after(poisoned), times=1)
        for _ in range(2):
            assert await fetch(remote, repository) == BLOB


@pytest.mark.parametrize(
    "unended",
    [
        b"Transfer-Encoding: chunked\r\n\r\n" + chunked(BLOB).partition(b"0\r\nTrailer")[0],
        b"Content-Length: 99999999999\r\n\r\n" + BLOB,
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n4\r\nmore\r\n0\r\n\r\n" % (len(BLOB), BLOB),
    ],
    ids=["without its last chunk", "without what its length says", "with more behind it"],
)
async def test_what_is_whole_and_verified_is_not_asked_for_again_however_the_answer_goes_on(
    unended: bytes, plain: RealRegistry, repository_path: str
) -> None:
    async with trying_once() as client:
        repository = await push(client.remote(plain.access), repository_path)
        with relaying(plain.host) as (wire, host):
            wire.expect("GET", "/blobs/", says(b"HTTP/1.1 200 OK\r\n" + unended), times=100)
            remote = client.remote(Access(Endpoint.parse(host)))
            assert await fetch(remote, Repository(remote.registry, repository.path)) == BLOB


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\n", BODIES["with its length"][:-MIB]])
@pytest.mark.parametrize("tls", [False, True])
async def test_a_transfer_that_is_cancelled_ends_at_once(
    raw: bytes, tls: bool, plain: RealRegistry, client: RegistryClient, tmp_path: Path
) -> None:
    context, pem = server_context(tmp_path) if tls else (None, "")
    with relaying(plain.host, context) as (wire, host):
        wire.expect("GET", "/blobs/", stalling_after(raw), times=1)
        remote = client.remote(Access(Endpoint.parse(f"https://{host}" if tls else host), tls=TLS(pem)))
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await fetch(remote, Repository.parse("app", remote.registry))
    assert time.monotonic() - began < 2


async def test_an_upload_that_is_cancelled_closes_its_file(plain: RealRegistry, client: RegistryClient) -> None:
    with relaying(plain.host) as (wire, host):
        wire.expect("PUT", "/blobs/uploads/", stalling_after(b""), times=1)
        remote, opened = client.remote(Access(Endpoint.parse(host))), list[io.BytesIO]()

        def open_content(offset: int) -> io.BytesIO:
            opened.append(io.BytesIO(bytes(64 * MIB)))
            return opened[-1]

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await remote.push_blob(
                    Repository.parse("app", remote.registry), replace(DESCRIPTOR, size=64 * MIB), open_content
                )
    assert [file.closed for file in opened] == [True]


@pytest.mark.parametrize(
    "raw", [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 Switch\r\n\r\n"]
)
async def test_a_head_without_end_is_given_up(raw: bytes, plain: RealRegistry) -> None:
    async def goes_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(raw)
            await writer.drain()
            await asyncio.sleep(0.01)

    with relaying(plain.host) as (wire, host):
        wire.expect("PUT", "/blobs/uploads/", goes_on, times=9)
        async with RegistryClient(replace(LIMITS, commit=0.5), ONCE) as client, asyncio.timeout(3):
            with pytest.raises(RegistryError, match="did not answer in time|does not answer in HTTP"):
                await push(client.remote(Access(Endpoint.parse(host))), "app")


async def test_threads_end_with_the_client(plain: RealRegistry, repository_path: str) -> None:
    await move(plain.access, repository_path)
    until = time.monotonic() + 2
    while time.monotonic() < until and any(thread.name.startswith("bulk") for thread in threading.enumerate()):
        await asyncio.sleep(0.01)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("bulk")]


async def test_a_full_disk_is_told_as_that_and_not_taken_for_a_cut_connection(
    plain: RealRegistry, repository_path: str, client: RegistryClient
) -> None:
    remote = client.remote(plain.access)
    repository = await push(remote, repository_path)
    section, kept = Section(Path("/dev/full"), 0, DESCRIPTOR.size), list[LayerCheck]()
    writer = SectionWriter(section, lambda: LayerCheck(bytes(32), DESCRIPTOR.digest), kept.append)
    with writer, pytest.raises(OSError, match="No space left on device"):
        await remote.fetch_blob(repository, DESCRIPTOR, writer)
    assert not kept
