"""The client against real registries: open, with passwords, with TLS, with tokens."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.sample_image import write_layout
from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry.client import RegistryClient
from registry.credentials import Credentials, StaticKeychain
from registry.endpoint import TLS, Access, Endpoint
from registry.errors import (
    ConnectionRefused,
    NameNotResolved,
    NotFound,
    TLSFailed,
    Unauthorized,
)
from registry.images.files import open_image
from registry.images.push import push
from registry.manifest import Manifest, parse_manifest
from registry.media_types import OCI_INDEX
from registry.names import Digest, Reference, Repository
from tests.real.processes import free_port
from tests.real.registries import RealRegistry
from tests.real.token_server import TokenServer


def silent(line: str) -> None:
    pass


async def push_sample(
    client: RegistryClient, registry: RealRegistry, path: str, folder: Path, tags: list[str]
) -> Repository:
    remote = client.remote(registry.access)
    repository = Repository.parse(path, remote.registry)
    layout = folder / "image"
    await asyncio.to_thread(write_layout, layout)
    async with open_image(layout, folder) as source:
        await push(source, remote, repository, tags, silent)
    return repository


@pytest.mark.parametrize("kind", ["plain", "with_password", "with_tls"])
async def test_what_is_pushed_is_listed_resolved_and_read(
    kind: str, request: pytest.FixtureRequest, client: RegistryClient, repository_path: str, tmp_path: Path
) -> None:
    registry: RealRegistry = request.getfixturevalue(kind)
    repository = await push_sample(client, registry, repository_path, tmp_path, ["1.0", "latest"])
    remote = client.remote(registry.access)
    await remote.ping()
    assert sorted(await remote.tags(repository)) == ["1.0", "latest"]
    descriptor = await remote.resolve(repository.tag("1.0"))
    manifest = await remote.manifest(repository.at(descriptor.digest))
    assert manifest.descriptor == descriptor
    inspected = await asyncio.to_thread(registry.inspect, f"{repository.path}:latest")
    assert inspected["Digest"] == str(descriptor.digest)


async def test_tokens_are_asked_for_with_their_scope_and_kept(
    with_tokens: tuple[RealRegistry, TokenServer], client: RegistryClient, repository_path: str, tmp_path: Path
) -> None:
    registry, server = with_tokens
    repository = await push_sample(client, registry, repository_path, tmp_path, ["1.0"])
    remote = client.remote(registry.access)
    before = len(server.asked)
    await asyncio.gather(*(remote.resolve(repository.tag("1.0")) for _ in range(20)))
    assert [f"repository:{repository_path}:pull,push"] in server.asked
    assert len(server.asked) - before <= 1, "one request for a token serves all"


async def test_a_token_that_expires_is_renewed(
    with_tokens: tuple[RealRegistry, TokenServer], client: RegistryClient, repository_path: str, tmp_path: Path
) -> None:
    registry, server = with_tokens
    server.expires_in = 1
    try:
        repository = await push_sample(client, registry, repository_path, tmp_path, ["1.0"])
        before = len(server.asked)
        await asyncio.sleep(1.1)
        await client.remote(registry.access).resolve(repository.tag("1.0"))
        assert len(server.asked) == before + 1
    finally:
        server.expires_in = 300


@pytest.mark.parametrize("kind", ["with_password", "with_tokens"])
@pytest.mark.parametrize(
    ("credentials", "words"),
    [(None, "none were given"), (Credentials("ci-user", "wrong-5ecret"), "did not accept the credentials of ci-user")],
)
async def test_a_401_tells_apart_no_credentials_and_wrong_ones(
    kind: str,
    credentials: Credentials | None,
    words: str,
    request: pytest.FixtureRequest,
    client: RegistryClient,
) -> None:
    found = request.getfixturevalue(kind)
    registry: RealRegistry = found[0] if isinstance(found, tuple) else found
    remote = client.remote(replace(registry.access, keychain=StaticKeychain(credentials)))
    with pytest.raises(Unauthorized, match=words) as caught:
        await remote.tags(Repository.parse("some/thing", remote.registry))
    assert "wrong-5ecret" not in str(caught.value) + repr(caught.value)


async def test_a_certificate_of_an_unknown_ca_is_named_as_the_cause(
    with_tls: RealRegistry, client: RegistryClient
) -> None:
    with pytest.raises(TLSFailed, match="certificate"):
        await client.remote(replace(with_tls.access, tls=TLS())).ping()


async def test_tls_goes_unverified_only_when_asked(with_tls: RealRegistry, client: RegistryClient) -> None:
    await client.remote(replace(with_tls.access, tls=TLS(verify=False))).ping()


@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        ("http://no-such-host.invalid", NameNotResolved, "could not be resolved"),
        ("http://127.0.0.1:{free}", ConnectionRefused, "refused the connection"),
        ("https://{plain}", TLSFailed, "http://"),
    ],
)
async def test_each_way_of_not_connecting_has_its_own_words(
    address: str, kind: type[Exception], words: str, plain: RealRegistry, client: RegistryClient
) -> None:
    endpoint = Endpoint.parse(address.format(free=free_port(), plain=plain.host))
    with pytest.raises(kind, match=words):
        await client.remote(Access(endpoint)).ping()


async def test_a_missing_repository_is_an_error_and_never_no_tags(plain: RealRegistry, client: RegistryClient) -> None:
    remote = client.remote(plain.access)
    with pytest.raises(NotFound, match="list the tags of .*no/such"):
        await remote.tags(Repository.parse("no/such", remote.registry))


async def test_a_missing_tag_says_which(
    plain: RealRegistry, client: RegistryClient, repository_path: str, tmp_path: Path
) -> None:
    repository = await push_sample(client, plain, repository_path, tmp_path, ["1.0"])
    with pytest.raises(NotFound, match=r"test/.*:2\.0"):
        await client.remote(plain.access).resolve(repository.tag("2.0"))


async def test_a_wrong_digest_in_a_reference_is_found_out(
    plain: RealRegistry, client: RegistryClient, repository_path: str, tmp_path: Path
) -> None:
    repository = await push_sample(client, plain, repository_path, tmp_path, ["1.0"])
    with pytest.raises(NotFound):
        await client.remote(plain.access).manifest(Reference(repository, digest=Digest.of(b"other")))


def test_credentials_do_not_show_in_any_representation() -> None:
    access = Access(Endpoint.parse("r.example.com"), StaticKeychain(Credentials("u", "pa55word")))
    assert "pa55word" not in repr(access) + access.identity


async def test_a_repository_of_another_registry_is_refused(plain: RealRegistry, client: RegistryClient) -> None:
    with pytest.raises(Exception, match="another registry"):
        await client.remote(plain.access).tags(Repository.parse("other.example.com/app"))


async def test_a_blob_of_another_repository_is_mounted_or_else_to_be_uploaded(
    plain: RealRegistry, client: RegistryClient, repository_path: str, tmp_path: Path
) -> None:
    source = await push_sample(client, plain, repository_path, tmp_path, ["1.0"])
    remote = client.remote(plain.access)
    manifest = await remote.manifest(source.tag("1.0"))
    assert isinstance(manifest, Manifest)
    target = Repository.parse(f"{repository_path}/other", remote.registry)
    digest = manifest.layers[0].digest
    assert await remote.mount_blob(target, digest, source)
    assert await remote.has_blob(target, digest)
    assert not await remote.mount_blob(target, Digest.of(b"nobody has this"), source)


@pytest.mark.parametrize("has_api", [True, False])
async def test_what_refers_to_a_digest_is_found_by_the_api_or_by_its_tag(
    has_api: bool, plain: RealRegistry, client: RegistryClient, repository_path: str, tmp_path: Path
) -> None:
    with running(create_local_registry(tmp_path / "registry")) as host:
        registry = RealRegistry(host) if has_api else plain
        repository = await push_sample(client, registry, repository_path, tmp_path, ["1.0"])
        remote = client.remote(registry.access)
        subject = await remote.manifest(repository.tag("1.0"))
        assert (await remote.referrers(repository, subject.digest)).manifests == ()
        body = {**json.loads(subject.raw), "artifactType": "application/x-signature"}
        body["subject"] = {"mediaType": subject.media_type, "digest": str(subject.digest), "size": len(subject.raw)}
        signature = parse_manifest(json.dumps(body).encode())
        await remote.put_manifest(repository, signature)
        if not has_api:
            entry = {"mediaType": signature.media_type, "digest": str(signature.digest), "size": len(signature.raw)}
            listed = {"schemaVersion": 2, "manifests": [{**entry, "artifactType": "application/x-signature"}]}
            index = parse_manifest(json.dumps({**listed, "mediaType": OCI_INDEX}).encode())
            await remote.put_manifest(repository, index, f"sha256-{subject.digest.hex}")
        found = await remote.referrers(repository, subject.digest, "application/x-signature")
        assert [item.digest for item in found.manifests] == [signature.digest]
        assert (await remote.referrers(repository, subject.digest, "application/x-other")).manifests == ()
