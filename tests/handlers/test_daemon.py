"""The daemon as a source and as a target: podman's Docker-compatible API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.client import RegistryClient
from registry.errors import DaemonFailed, RegistryError
from tests.handlers.requests import Job
from tests.images import samples
from tests.real.podman import Podman, podman_service
from tests.real.registries import RealRegistry


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory, plain: RealRegistry) -> Iterator[Podman]:
    with podman_service(tmp_path_factory.mktemp("podman"), plain.host) as service:
        yield service


@pytest.fixture
def job(client: RegistryClient, plain: RealRegistry, working_directory: Path, podman: Podman) -> Job:
    return Job(client, plain, working_directory, podman.docker_host)


async def load(podman: Podman, folder: Path, name: str) -> None:
    samples.docker_save(folder / "saved.tar")
    loaded = await asyncio.to_thread(podman.run, "load", "-q", "-i", str(folder / "saved.tar"))
    await asyncio.to_thread(podman.run, "tag", loaded.rpartition(": ")[2].strip(), name)
    (folder / "saved.tar").unlink()


async def test_an_image_of_the_daemon_is_published_and_pulled_again(
    job: Job, plain: RealRegistry, podman: Podman, repository_path: str
) -> None:
    name = f"{plain.host}/{repository_path}:1.0"
    await load(podman, job.folder, name)
    metadata = await job.publish(Image=repository_path, Tag="1.0", AdditionalTags="latest")
    inspected = await asyncio.to_thread(plain.inspect, f"{repository_path}:latest")
    assert inspected["Digest"] == metadata["digest"]
    await asyncio.to_thread(podman.run, "rmi", "-f", name)
    variables = await job.fetch(metadata)
    assert variables["ARTIFACT_IMAGE"] == name
    images = await asyncio.to_thread(podman.run, "images", "--digests", "--format", "{{.Repository}}:{{.Tag}}")
    assert name in images.splitlines()


async def test_an_image_that_nobody_has_says_where_it_was_looked_for(job: Job, repository_path: str) -> None:
    with pytest.raises(RegistryError, match="the daemon at unix://.* has no .*; the registry has no"):
        await job.publish(Image=repository_path)


async def test_a_pull_that_fails_says_what_the_daemon_said(job: Job, repository_path: str) -> None:
    metadata = {"image": f"{repository_path}:1", "digest": "sha256:" + "0" * 64}
    with pytest.raises(DaemonFailed, match="the daemon said"):
        await job.fetch(metadata, Format="daemon")
