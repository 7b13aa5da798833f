"""The engine for blobs' bytes, on real sockets: every way to a host, every form of a body, and what ends early."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from registry.client import RegistryClient
from registry.descriptor import Descriptor
from registry.endpoint import TLS, Access, Endpoint
from registry.errors import ConnectionFailed, RegistryError
from registry.images.section import Section, SectionWriter
from registry.limits import Limits
from registry.names import Digest, Registry, Repository
from registry.remote import Remote
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real.broken_wire import Act, relaying, says
from tests.real.certificates import ALIAS, server_context
from tests.real.forward_proxy import proxying
from tests.real.processes import free_port
from tests.real.registries import RealRegistry, client_certificate_registry

MIB = 1024 * 1024
BLOB = os.urandom(3 * MIB + 17)
DESCRIPTOR = Descriptor("application/vnd.oci.image.layer.v1.tar", Digest.of(BLOB), len(BLOB))
LIMITS = Limits(connect=5, idle=5, page=5, commit=5, tag_list_age=0)
ONCE = Retry(attempts=1, sleep=no_sleep)


@pytest.fixture
async def client() -> AsyncIterator[RegistryClient]:
    """One that tries everything once."""
    async with RegistryClient(LIMITS, ONCE) as client:
        yield client


def by_its_name(registry: RealRegistry) -> Access:
    """Under a name that only a proxy can resolve."""
    host = registry.host.replace("127.0.0.1", ALIAS)
    return replace(registry.access, endpoint=Endpoint(Registry(host), f"{registry.scheme}://{host}"))


async def push(remote: Remote, path: str) -> Repository:
    repository = Repository.parse(path, remote.registry)
    await remote.push_blob(repository, DESCRIPTOR, lambda offset: io.BytesIO(BLOB[offset:]))
    return repository


async def fetch(remote: Remote, repository: Repository) -> bytes:
    taken = bytearray()
    await remote.fetch_blob(repository, DESCRIPTOR, lambda: taken.extend)
    return bytes(taken)


async def move(access: Access, path: str) -> None:
    """Push a blob and fetch it back."""
    async with RegistryClient(LIMITS, ONCE) as client:
        remote = client.remote(access)
        assert await fetch(remote, await push(remote, path)) == BLOB


async def test_a_blob_moves_by_tls(with_tls: RealRegistry, repository_path: str) -> None:
    await move(with_tls.access, repository_path)


async def test_a_blob_moves_by_a_client_certificate(tmp_path: Path) -> None:
    with client_certificate_registry(tmp_path) as (registry, certificate, key):
        tls = TLS(registry.ca, client_certificate=certificate.read_text(), client_key=key.read_text())
        await move(replace(registry.access, tls=tls), "app")


async def test_a_certificate_that_is_not_trusted_is_refused_in_words(
    with_tls: RealRegistry, repository_path: str
) -> None:
    async with RegistryClient(LIMITS, ONCE) as client:
        remote = client.remote(replace(with_tls.access, tls=TLS()))
        with pytest.raises(RegistryError, match="signed by a CA that is not known here"):
            await fetch(remote, Repository.parse(repository_path, remote.registry))


@pytest.mark.parametrize("kind", ["plain", "with_tls"])
@pytest.mark.parametrize("login", ["", "robot:pr0xy-word"])
@pytest.mark.parametrize("proxied_by", ["http", "https"])
async def test_a_blob_moves_through_a_proxy(
    kind: str,
    login: str,
    proxied_by: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    repository_path: str,
) -> None:
    registry: RealRegistry = request.getfixturevalue(kind)
    context, pem = server_context(tmp_path)
    with proxying(login, context if proxied_by == "https" else None) as (proxy, host):
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"{proxied_by}://{login}@{host}" if login else f"{proxied_by}://{host}")
        access = by_its_name(registry)
        await move(replace(access, tls=TLS(access.tls.ca_certificates + pem)), repository_path)
    assert len(proxy.requests) >= 2
    assert all(ALIAS in line for line in proxy.requests)


@pytest.mark.parametrize("kind", ["plain", "with_tls"])
async def test_a_proxy_that_refuses_is_told_and_its_login_stays_secret(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, client: RegistryClient
) -> None:
    with proxying("robot:pr0xy-word") as (_, host):
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://robot:wr0ng-word@{host}")
        remote = client.remote(by_its_name(request.getfixturevalue(kind)))
        with pytest.raises(RegistryError, match="407") as caught:
            await fetch(remote, Repository.parse("app", remote.registry))
    assert "proxy" in str(caught.value).lower()
    assert "wr0ng-word" not in str(caught.value) + repr(caught.value)


async def test_a_proxy_that_is_not_there_is_told(
    plain: RealRegistry, monkeypatch: pytest.MonkeyPatch, client: RegistryClient
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://robot:wr0ng-word@127.0.0.1:{free_port()}")
    remote = client.remote(by_its_name(plain))
    with pytest.raises(ConnectionFailed, match="the proxy.*HTTPS_PROXY") as caught:
        await fetch(remote, Repository.parse("app", remote.registry))
    assert "wr0ng-word" not in str(caught.value)


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


class Zeros(io.RawIOBase):
    """Zeros without end; takes note of how many were read."""

    def __init__(self) -> None:
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, space: memoryview) -> int:  # type: ignore[override]
        self.given += len(space)
        return len(space)


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

    async def poison(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(poisoned)
        await writer.drain()
        await asyncio.sleep(20)

    with relaying(plain.host, context) as (wire, host):
        remote = client.remote(Access(Endpoint.parse(f"https://{host}"), tls=TLS(pem)))
        repository = await push(remote, repository_path)
        wire.expect("GET", "/blobs/", poison, times=1)
        for _ in range(2):
            assert await fetch(remote, repository) == BLOB


async def test_a_transfer_of_which_only_the_end_is_missing_is_made_again(
    plain: RealRegistry, repository_path: str
) -> None:
    unended = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(BLOB).partition(b"0\r\nTrailer")[0]
    with relaying(plain.host) as (wire, host):
        async with RegistryClient(LIMITS, Retry(attempts=2, sleep=no_sleep)) as client:
            remote = client.remote(Access(Endpoint.parse(host)))
            repository = await push(remote, repository_path)
            wire.expect("GET", "/blobs/", says(unended), times=1)
            assert await fetch(remote, repository) == BLOB


@pytest.mark.parametrize(
    "place", ["http://a..example/x", f"http://{'a' * 70}.example/x", "https://.example/x", "http://xn--/x"]
)
async def test_a_redirect_to_a_name_that_is_none_is_refused_in_words(
    place: str, plain: RealRegistry, client: RegistryClient
) -> None:
    with relaying(plain.host) as (wire, host):
        wire.expect("GET", "/blobs/", says(f"HTTP/1.1 307 X\r\nLocation: {place}\r\n\r\n".encode()), times=9)
        remote = client.remote(Access(Endpoint.parse(host)))
        with pytest.raises(RegistryError):
            await fetch(remote, Repository.parse("app", remote.registry))


def stalling_after(raw: bytes) -> Act:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        await asyncio.sleep(20)

    return act


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


@pytest.mark.parametrize("tls", [False, True])
async def test_a_registry_is_reached_by_an_address_of_version_6(
    tls: bool, plain: RealRegistry, repository_path: str, tmp_path: Path
) -> None:
    context, pem = server_context(tmp_path) if tls else (None, "")
    with relaying(plain.host, context, "::1") as (_, host):
        await move(
            Access(Endpoint.parse(f"https://{host}" if tls else f"http://{host}"), tls=TLS(pem)), repository_path
        )


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
    begun: list[Callable[[memoryview], None]] = []
    with SectionWriter(Section(Path("/dev/full"), 0, DESCRIPTOR.size), lambda: None) as writer:

        def begin() -> Callable[[memoryview], None]:
            begun.append(writer.begin())
            return begun[-1]

        with pytest.raises(OSError, match="No space left on device"):
            await remote.fetch_blob(repository, DESCRIPTOR, begin)
    assert len(begun) == 1


@contextmanager
def leading_nowhere(address: str, port: int) -> Iterator[None]:
    """An address at which a connection is neither made nor refused."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


async def test_an_address_that_leads_nowhere_costs_a_second_and_not_the_whole_patience(
    plain: RealRegistry, repository_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, port = socket.getaddrinfo, int(plain.host.partition(":")[2])

    def both(host: str, *rest: Any, **options: Any) -> list[Any]:
        names = ["127.0.0.9", "127.0.0.1"] if host == ALIAS else [host]
        return [found for name in names for found in resolve(name, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    began = time.monotonic()
    with leading_nowhere("127.0.0.9", port):
        await move(by_its_name(plain), repository_path)
    assert time.monotonic() - began < 4


async def test_a_proxy_of_another_kind_is_refused_in_words(
    plain: RealRegistry, monkeypatch: pytest.MonkeyPatch, client: RegistryClient
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1080")
    remote = client.remote(by_its_name(plain))
    for work in (remote.ping(), fetch(remote, Repository.parse("app", remote.registry))):
        with pytest.raises(ConnectionFailed, match="HTTPS_PROXY"):
            await work
