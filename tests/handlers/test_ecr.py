"""The store type `ecr`: a login from AWS (moto), used against a real registry that wants exactly that login."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from registry.client import RegistryClient
from registry.errors import CredentialsUnavailable
from registry.keychains.ecr import EcrKeychain, ecr_host
from registry.names import Reference
from tests.handlers.requests import Job
from tests.images import samples
from tests.real.registries import RealRegistry, registry_with_login

ACCOUNT, REGION = "123456789012", "eu-central-1"


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def identity(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from-the-default-chain")


@pytest.fixture
def ecr(tmp_path: Path) -> Iterator[RealRegistry]:
    folder = tmp_path / "registry"
    folder.mkdir()
    with registry_with_login(folder, "AWS", f"{ACCOUNT}-auth-token") as registry:
        yield registry


@pytest.mark.parametrize("keys", [{}, {"AWSAccessKeyId": "AKIAI44QH8DHBEXAMPLE", "AWSSecretAccessKey": "static"}])
async def test_static_keys_and_the_default_chain_both_log_in(
    keys: dict[str, str],
    identity: None,
    ecr: RealRegistry,
    client: RegistryClient,
    working_directory: Path,
    repository_path: str,
) -> None:
    job = Job(client, ecr, working_directory)
    job.store = {
        "RegistryType": "ecr",
        "RegistryID": ACCOUNT,
        "AWSRegion": REGION,
        "RegistryURL": f"http://{ecr.host}",
        **keys,
    }
    samples.layout(job.folder / "image")
    metadata = await job.publish(Image=repository_path, Tag="1.0", ImagePath="image")
    inspected = await asyncio.to_thread(ecr.inspect, f"{repository_path}:1.0")
    assert metadata["digest"] == inspected["Digest"]


async def test_one_login_serves_all_who_ask_at_once(identity: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3.session

    logins = []
    real = boto3.session.Session.client

    def counted(self: boto3.session.Session, *arguments: object, **options: object) -> object:
        logins.append(arguments)
        return real(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(boto3.session.Session, "client", counted)
    keychain = EcrKeychain("210987654321", REGION, "AKIAI44QH8DHBEXAMPLE", "another-static")
    found = await asyncio.gather(*(keychain.resolve(None, "") for _ in range(10)))
    assert {credentials.username for credentials in found} == {"AWS"}
    assert len(logins) == 1


async def test_without_an_identity_the_error_says_what_to_give(
    monkeypatch: pytest.MonkeyPatch, aws: str, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    with pytest.raises(CredentialsUnavailable, match="NoCredentialsError.*AWSAccessKeyId"):
        await EcrKeychain("111122223333", REGION).resolve(None, "")


def test_secrets_do_not_show() -> None:
    keychain = EcrKeychain(ACCOUNT, REGION, "AKIAI44QH8DHBEXAMPLE", "s3cret-of-aws")
    assert "s3cret-of-aws" not in repr(keychain) + keychain.identity


@pytest.mark.parametrize(
    ("region", "host"),
    [
        (REGION, f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"),
        ("cn-north-1", f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_an_accounts_host_follows_from_its_id_and_region(region: str, host: str) -> None:
    assert ecr_host(ACCOUNT, region) == host
    assert Reference.parse(f"{host}/app").repository.registry.host == host
