"""registries.conf and certs.d: what this machine was told of registries."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from registry.client import RegistryClient
from registry.endpoint import TLS, Access, Endpoint
from registry.errors import InvalidName, RegistryError, TLSFailed
from registry.names import Registry, Repository
from registry.registries import Registries
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real.registries import RealRegistry, client_certificate_registry

CONF = """
unqualified-search-registries = ["docker.io"]

[[registry]]
prefix = "docker.io"
[[registry.mirror]]
location = "mirror.example.com/hub"
[[registry.mirror]]
location = "second.example.com:5000"
insecure = true
pull-from-mirror = "all"

[[registry]]
prefix = "docker.io/private"

[[registry]]
prefix = "*.internal"
insecure = true

[[registry]]
location = "old.example.com"
blocked = true
"""


MIRRORS = ("mirror.example.com/hub", "second.example.com:5000")


def read(folder: Path, content: str) -> Registries:
    path = folder / "registries.conf"
    path.write_text(content)
    return Registries.read([folder / "missing.conf", path], [folder / "certs.d"])


@pytest.mark.parametrize(
    ("name", "mirrors"),
    [
        (
            "docker.io/library/alpine",
            [f"{place}/library/alpine" for place in MIRRORS],
        ),
        ("docker.io/private/app", []),
        ("docker.io/privateer/app", [f"{place}/privateer/app" for place in MIRRORS]),
        ("docker.io.example.com/app", []),
        ("quay.io/app", []),
    ],
)
def test_the_longest_prefix_decides_and_the_rest_of_the_path_moves_over(
    name: str, mirrors: list[str], tmp_path: Path
) -> None:
    found = read(tmp_path, CONF).mirrors(Repository.parse(name))
    assert [str(there) for _, there in found] == mirrors


def test_only_a_mirror_that_says_so_is_believed_about_tags(tmp_path: Path) -> None:
    found = read(tmp_path, CONF).mirrors(Repository.parse("docker.io/library/alpine"))
    assert [(mirror.has_tags, mirror.insecure) for mirror, _ in found] == [(False, False), (True, True)]


def test_insecure_turns_off_the_check_of_certificates_where_it_was_asked_for(tmp_path: Path) -> None:
    registries = read(tmp_path, CONF)
    assert not registries.tls(Registry("registry.internal")).verify
    assert registries.tls(Registry("registry.example.com")).verify


async def test_a_blocked_registry_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with RegistryClient(registries=read(tmp_path, CONF)) as client:
        remote = client.remote(Access(Endpoint.parse("old.example.com")))
        with pytest.raises(InvalidName, match=r"registries\.conf blocks old\.example\.com"):
            await remote.tags(Repository.parse("old.example.com/team/app"))


def test_a_later_file_replaces_what_an_earlier_one_said_of_a_prefix(tmp_path: Path) -> None:
    for name, location in (("a.conf", "first.example.com"), ("b.conf", "other.example.com")):
        (tmp_path / name).write_text(
            f'[[registry]]\nprefix = "docker.io"\n[[registry.mirror]]\nlocation = "{location}"\n'
        )
    registries = Registries.read([tmp_path / "a.conf", tmp_path / "b.conf"], [])
    found = registries.mirrors(Repository.parse("docker.io/library/alpine"))
    assert [str(there) for _, there in found] == ["other.example.com/library/alpine"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[registry]\n", r"registries\.conf: "),
        ('[[registry]]\nprefix = "x.io"\n[[registry.mirror]]\ninsecure = true\n', "location"),
        ('[[registry]]\nprefix = "x.io"\n[[registry.mirror]]\nlocation = "https://y.io"\n', "registry name"),
        ('[[registry]]\ninsecure = "perhaps"\n', "insecure"),
    ],
)
def test_a_file_that_can_not_be_read_is_named(content: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=words):
        read(tmp_path, content)


async def test_a_private_ca_and_a_client_certificate_come_from_the_folder_of_the_host(tmp_path: Path) -> None:
    with client_certificate_registry(tmp_path) as (registry, certificate, key):
        folder = tmp_path / "certs.d" / registry.host
        await asyncio.to_thread(folder.mkdir, parents=True)
        (folder / "ca.crt").write_text(registry.ca)
        access = Access(Endpoint.parse(registry.url))
        retry = Retry(sleep=no_sleep, attempts=1)
        async with RegistryClient(retry=retry, registries=Registries.read([], [tmp_path / "certs.d"])) as client:
            with pytest.raises(RegistryError, match="client certificate|cut the connection"):
                await client.remote(access).ping()
        (folder / "client.cert").write_bytes(certificate.read_bytes())
        (folder / "client.key").write_bytes(key.read_bytes())
        async with RegistryClient(retry=retry, registries=Registries.read([], [tmp_path / "certs.d"])) as client:
            await client.remote(access).ping()


async def test_an_insecure_registry_needs_no_ca(with_tls: RealRegistry, tmp_path: Path) -> None:
    access = Access(Endpoint.parse(with_tls.url))
    async with RegistryClient(retry=Retry(sleep=no_sleep)) as client:
        with pytest.raises(TLSFailed, match="certificate"):
            await client.remote(access).ping()
    content = f'[[registry]]\nlocation = "{with_tls.host}"\ninsecure = true\n'
    async with RegistryClient(registries=read(tmp_path, content)) as client:
        await client.remote(access).ping()


def test_a_host_folder_that_this_user_may_not_read_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "certs.d" / "registry.example.com"
    folder.mkdir(parents=True)
    (folder / "client.cert").write_text("a certificate without its key")
    assert Registries.read([], [tmp_path / "certs.d"]).tls(Registry("registry.example.com")) == TLS()
