"""Every way of a blob's bytes to a host: TLS, certificates, proxies, addresses, names."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.client import RegistryClient
from registry.endpoint import TLS, Access, Endpoint
from registry.errors import ConnectionFailed, RegistryError
from registry.names import Repository
from tests.real.broken_wire import relaying, says
from tests.real.certificates import ALIAS, server_context
from tests.real.forward_proxy import proxying
from tests.real.processes import free_port
from tests.real.registries import RealRegistry, client_certificate_registry
from tests.registry.one_blob import LIMITS, ONCE, by_its_name, fetch, move, trying_once


@pytest.fixture
async def client() -> AsyncIterator[RegistryClient]:
    async with trying_once() as client:
        yield client


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


@pytest.mark.parametrize("tls", [False, True])
async def test_a_registry_is_reached_by_an_address_of_version_6(
    tls: bool, plain: RealRegistry, repository_path: str, tmp_path: Path
) -> None:
    context, pem = server_context(tmp_path) if tls else (None, "")
    with relaying(plain.host, context, "::1") as (_, host):
        await move(
            Access(Endpoint.parse(f"https://{host}" if tls else f"http://{host}"), tls=TLS(pem)), repository_path
        )


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
