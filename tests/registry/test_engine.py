"""The engine below httpx's interface: what goes over the wire, on real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry.client import RegistryClient
from registry.descriptor import Descriptor
from registry.endpoint import Access, Endpoint
from registry.errors import ConnectionFailed, NotARegistry, RegistryError, TimedOut
from registry.limits import Limits
from registry.manifest import parse_manifest
from registry.media_types import OCI_INDEX
from registry.names import Digest, Repository
from registry.proxies import Proxies
from registry.remote import Remote
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real.broken_wire import Act, relaying, says, stall, stalling_after
from tests.real.certificates import ALIAS
from tests.real.forward_proxy import proxying
from tests.real.processes import free_port
from tests.real.registries import RealRegistry
from tests.registry.one_blob import Zeros, by_its_name

MIB = 1024 * 1024
BLOB = os.urandom(2 * MIB)
DESCRIPTOR = Descriptor("application/vnd.oci.image.layer.v1.tar", Digest.of(BLOB), len(BLOB))
QUICK = Limits(connect=1, idle=0.4, page=0.4, commit=0.4, tag_list_age=0)
ONCE = Retry(attempts=1, sleep=no_sleep)


def zeros(size: int) -> Descriptor:
    return Descriptor("application/octet-stream", Digest("sha256", "0" * 64), size)


async def upload(host: str, content: Zeros, size: int) -> None:
    async with RegistryClient(QUICK, ONCE) as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        await remote.push_blob(
            Repository.parse("app", remote.registry), zeros(size), lambda offset: cast(BinaryIO, content)
        )


@pytest.mark.parametrize("status", [401, 403, 413])
async def test_an_upload_that_is_refused_at_once_is_not_sent_to_its_end(status: int, plain: RealRegistry) -> None:
    refusal = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    with relaying(plain.host) as (wire, host):
        wire.expect("PUT", "/blobs/uploads/", stalling_after(refusal), times=100)
        content = Zeros()
        with pytest.raises(RegistryError, match=str(status)):
            await upload(host, content, 512 * MIB)
    assert content.given < 256 * MIB


async def test_a_registry_that_stops_reading_is_given_up(plain: RealRegistry) -> None:
    with relaying(plain.host) as (wire, host):
        wire.expect("PUT", "/blobs/uploads/", stall, times=100)
        with pytest.raises(TimedOut, match="stopped taking what was sent"):
            await upload(host, Zeros(), 512 * MIB)


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer without end, a byte at a time, and never so slowly that a single read would be too long."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Y: ")
    while True:
        writer.write(b"z")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drips_an_error(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 50000\r\n\r\n\r\nHTTP/1.1 200 OK\r\nX-Y: ")
    await drips(reader, writer)


@pytest.mark.parametrize(("act", "words"), [(drips, "did not answer in time"), (drips_an_error, "answered 403")])
@pytest.mark.parametrize("step", ["GET", "PUT"])
async def test_a_registry_that_drips_its_answer_is_given_up(
    act: Act, words: str, step: str, plain: RealRegistry
) -> None:
    with relaying(plain.host) as (wire, host):
        wire.expect(step, "", act, times=100)
        async with RegistryClient(replace(QUICK, connect=0.2), ONCE) as client, asyncio.timeout(5):
            remote = client.remote(Access(Endpoint.parse(host)))
            with pytest.raises(RegistryError, match=words):
                await (remote.ping() if step == "GET" else put_large_manifest(remote))


async def test_a_registry_that_stops_reading_a_manifest_is_given_up(plain: RealRegistry) -> None:
    with relaying(plain.host) as (wire, host):
        wire.expect("PUT", "/manifests/", stall, times=100)
        async with RegistryClient(replace(QUICK, connect=0.2), ONCE) as client, asyncio.timeout(5):
            with pytest.raises(TimedOut):
                await put_large_manifest(client.remote(Access(Endpoint.parse(host))))


async def test_a_large_manifest_arrives_whole(tmp_path: Path) -> None:
    with running(create_local_registry(tmp_path)) as host:
        async with RegistryClient(Limits(), ONCE) as client:
            remote = client.remote(Access(Endpoint.parse(host)))
            await put_large_manifest(remote)
            found = await remote.resolve(Repository.parse("app", remote.registry).tag("1.0"))
    assert found.size > 8_000_000


async def put_large_manifest(remote: Remote) -> None:
    """More than sockets buffer."""
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"x": "y" * 8_000_000}}
    manifest = parse_manifest(json.dumps(body).encode())
    await remote.put_manifest(Repository.parse("app", remote.registry), manifest, "1.0")


async def test_a_signed_address_reaches_its_host_byte_for_byte() -> None:
    signed = "/blob%2Fwith%2fboth/a+b%20c?X-Sig=a%2Fb%3D%3D&x=%7e~&list=1,2&sp=+"
    seen: list[bytes] = []

    async def storage(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["raw_path"] + b"?" + scope["query_string"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": BLOB})

    with running(storage) as there:

        async def registry(scope: Scope, receive: Receive, send: Send) -> None:
            headers = [(b"location", f"http://{there}{signed}".encode())]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body"})

        with running(registry) as host:
            async with RegistryClient(QUICK, ONCE) as client:
                remote = client.remote(Access(Endpoint.parse(host)))
                repository = Repository.parse("app", remote.registry)
                assert await remote.read_blob(repository, DESCRIPTOR) == BLOB
    assert seen == [signed.encode()]


async def test_cookies_are_not_kept_and_bodies_are_taken_as_they_are() -> None:
    seen: list[dict[bytes, bytes]] = []
    bomb = gzip.compress(bytes(64 * MIB))

    async def registry(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(dict(scope["headers"]))
        headers = [(b"set-cookie", b"session=s3cret; Path=/"), (b"content-encoding", b"gzip")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bomb})

    with running(registry) as host:
        async with RegistryClient(QUICK, ONCE) as client:
            remote = client.remote(Access(Endpoint.parse(host)))
            for _ in range(2):
                with pytest.raises(NotARegistry):
                    await remote.tags(Repository.parse("app", remote.registry))
    assert not any(b"cookie" in headers for headers in seen)
    assert {headers[b"accept-encoding"] for headers in seen} == {b"identity"}
    assert {headers[b"user-agent"] for headers in seen} == {b"gocd-registry-plugin"}


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + BLOB,
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + BLOB[:-1],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
    ],
)
async def test_an_answer_that_is_not_what_it_says_is_an_error_of_ours(raw: bytes, plain: RealRegistry) -> None:
    with relaying(plain.host) as (wire, host):
        wire.expect("GET", "/blobs/", says(raw), times=100)
        async with RegistryClient(QUICK, Retry(attempts=2, sleep=no_sleep)) as client:
            remote = client.remote(Access(Endpoint.parse(host)))
            with pytest.raises(RegistryError, match=host.replace(".", r"\.")):
                await remote.read_blob(Repository.parse("app", remote.registry), DESCRIPTOR)


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("", "http://registry.example.com/", False),
        ("", "http://127.0.0.1:5000/", True),
        ("", "http://localhost:5000/", True),
        ("", "http://[::1]:5000/", True),
        ("*", "http://registry.example.com/", True),
        ("example.com", "http://registry.example.com/", True),
        (".example.com", "http://registry.example.com/", True),
        (".example.com", "http://example.com.evil.org/", False),
        ("*.example.com", "http://registry.example.com/", True),
        ("registry.example.com:5000", "http://registry.example.com:5000/", True),
        ("registry.example.com:5000", "http://registry.example.com/", False),
        ("10.0.0.0/8, 192.168.1.7", "http://10.4.5.6/", True),
        ("10.0.0.0/8, 192.168.1.7", "http://192.168.1.7:5000/", True),
        ("10.0.0.0/8", "http://11.0.0.1/", False),
        ("10.0.0.0/99", "http://10.0.0.1/", False),
    ],
)
def test_what_goes_through_the_proxy(no_proxy: str, url: str, direct: bool) -> None:
    proxies = Proxies({"http": "proxy.example.com:3128", "no": no_proxy})
    assert proxies.of(httpx.URL(url)) == (None if direct else "http://proxy.example.com:3128")


async def through_proxy(registry: RealRegistry) -> None:
    """Ask a registry under a name that only the proxy can resolve."""
    async with RegistryClient(replace(QUICK, idle=5, page=5), ONCE) as client:
        await client.remote(by_its_name(registry)).ping()


@pytest.mark.parametrize("kind", ["plain", "with_tls"])
@pytest.mark.parametrize("login", ["", "robot:pr0xy-word"])
async def test_a_proxy_is_used_with_its_login(
    kind: str, login: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry: RealRegistry = request.getfixturevalue(kind)
    with proxying(login) as (proxy, host):
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://{login}@{host}" if login else f"http://{host}")
        await through_proxy(registry)
    port = registry.host.partition(":")[2]
    line = f"CONNECT {ALIAS}:{port} " if kind == "with_tls" else f"GET http://{ALIAS}:{port}/v2/ "
    assert [asked.startswith(line) for asked in proxy.requests] == [True]


@pytest.mark.parametrize("kind", ["plain", "with_tls"])
async def test_a_proxy_that_refuses_is_told_apart_from_the_registry_and_its_login_stays_secret(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxying("robot:pr0xy-word") as (_, host):
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://robot:wr0ng-word@{host}")
        with pytest.raises(RegistryError, match="407") as caught:
            await through_proxy(request.getfixturevalue(kind))
    assert "proxy" in str(caught.value).lower()
    assert "wr0ng-word" not in str(caught.value) + repr(caught.value)


async def test_a_proxy_that_is_not_there_is_told(plain: RealRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://robot:wr0ng-word@127.0.0.1:{free_port()}")
    with pytest.raises(ConnectionFailed, match="the proxy.*HTTPS_PROXY") as caught:
        await through_proxy(plain)
    assert "wr0ng-word" not in str(caught.value)


async def test_no_proxy_is_heeded(plain: RealRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxying() as (proxy, host):
        monkeypatch.setenv("HTTP_PROXY", f"http://{host}")
        monkeypatch.setenv("NO_PROXY", ".test")
        with pytest.raises(RegistryError, match="could not be resolved"):
            await through_proxy(plain)
        assert proxy.requests == []
