"""A store in Amazon ECR: moto hands out the token, a registry takes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.client import RegistryClient
from registry.errors import CredentialsUnavailable
from tests.handlers.requests import Job
from tests.images import samples
from tests.real import registries
from tests.real.processes import free_port, running, wait_for_port

ACCOUNT, REGION = "123456789012", "eu-central-1"
STATIC_KEYS = {"AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE", "AWSSecretAccessKey": "an/aws+secret"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("aws") / "moto.log"
    with running(
        [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)], log
    ) as process:
        wait_for_port(port, process, log)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def ecr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[registries.RealRegistry]:
    """A registry that lets in whom moto's tokens name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registries, "USERNAME", "AWS")
        patch.setattr(registries, "PASSWORD", f"{ACCOUNT}-auth-token")
        with registries.password_registry(tmp_path_factory.mktemp("ecr")) as registry:
            yield registry


@pytest.fixture
def job(
    client: RegistryClient,
    ecr: registries.RealRegistry,
    working_directory: Path,
    aws: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Job:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    job = Job(client, ecr, working_directory)
    job.store = {"RegistryType": "ecr", "RegistryID": ACCOUNT, "AWSRegion": REGION, "RegistryURL": ecr.url}
    samples.layout(job.folder / "image")
    return job


async def test_with_static_keys_it_publishes_and_fetches(job: Job, repository_path: str) -> None:
    job.store |= STATIC_KEYS
    metadata = await job.publish(Image=repository_path, Tag="1", ImagePath="image")
    variables = await job.fetch(metadata, Format="oci-layout", Destination="out")
    assert variables["ARTIFACT_IMAGE_DIGEST"] == metadata["digest"]
    assert not any("an/aws+secret" in line or "auth-token" in line for line in job.console.lines)


async def test_without_keys_the_default_chain_is_asked(
    job: Job, repository_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFROMTHECHAIN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert (await job.publish(Image=repository_path, Tag="1", ImagePath="image"))["tag"] == "1"


async def test_without_any_identity_it_says_what_to_give(job: Job, repository_path: str) -> None:
    job.store["AWSRegion"] = "eu-west-1"  # what was found before is kept for its account and region
    with pytest.raises(CredentialsUnavailable, match=r"eu-west-1.*AWSAccessKeyId and AWSSecretAccessKey"):
        await job.publish(Image=repository_path, Tag="1", ImagePath="image")
