"""Fetches that can't be done, and fetches that need no registry."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.errors import ConfigurationInvalid, OperationFailed
from registry.client import RegistryClient
from registry.errors import PlatformNotFound
from tests.handlers.requests import Job
from tests.images import samples
from tests.real.podman import Podman, podman_service
from tests.real.processes import free_port
from tests.real.registries import RealRegistry

DIGEST = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory, plain: RealRegistry) -> Iterator[Podman]:
    with podman_service(tmp_path_factory.mktemp("podman"), plain.host) as service:
        yield service


@pytest.mark.parametrize("configuration", [{"SkipImagePulling": "true"}, {"SkipImagePulling": "TRUE", "Format": "oci"}])
async def test_without_pulling_no_registry_is_asked(
    configuration: dict[str, str], client: RegistryClient, working_directory: Path
) -> None:
    host = f"127.0.0.1:{free_port()}"
    variables = await Job(client, RealRegistry(host), working_directory).fetch(
        {"image": f"{host}/team/app:1", "digest": DIGEST}, **configuration
    )
    assert variables == {
        "ARTIFACT_IMAGE": f"{host}/team/app:1",
        "ARTIFACT_IMAGE_DIGEST": DIGEST,
        "ARTIFACT_IMAGE_REPOSITORY": f"{host}/team/app",
        "ARTIFACT_IMAGE_TAG": "1",
    }


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"EnvironmentVariablePrefix": "1-2"}, "EnvironmentVariablePrefix «1-2».*Start with a letter"),
        ({"Format": "tar"}, "«tar» is no format.*oci-layout"),
    ],
)
async def test_configurations_that_validation_would_refuse_are_refused(
    configuration: dict[str, str], words: str, client: RegistryClient, plain: RealRegistry, working_directory: Path
) -> None:
    with pytest.raises(ConfigurationInvalid, match=words):
        await Job(client, plain, working_directory).fetch({"image": "a:1", "digest": DIGEST}, **configuration)


@pytest.mark.parametrize("format_", ["oci", "oci-layout"])
async def test_a_destination_below_a_file_says_what_the_system_said(
    format_: str, client: RegistryClient, plain: RealRegistry, working_directory: Path, repository_path: str
) -> None:
    job = Job(client, plain, working_directory)
    samples.layout(job.folder / "image")
    metadata = await job.publish(Image=repository_path, ImagePath="image")
    (job.folder / "file").write_text("kept")
    with pytest.raises(OperationFailed, match=r"fetch .*(Not a directory|File exists)"):
        await job.fetch(metadata, Format=format_, Destination="file/x")
    assert (job.folder / "file").read_text() == "kept"


async def test_a_platform_that_the_image_lacks_is_told_before_the_daemon_pulls(
    client: RegistryClient, plain: RealRegistry, podman: Podman, working_directory: Path, repository_path: str
) -> None:
    job = Job(client, plain, working_directory, podman.docker_host)
    samples.multi_arch_layout(job.folder / "image")
    metadata = await job.publish(Image=repository_path, ImagePath="image")
    with pytest.raises(PlatformNotFound, match="linux/amd64, linux/arm64"):
        await job.fetch(metadata, Platform="linux/s390x")
    variables = await job.fetch(metadata, Platform="linux/arm64", Format="daemon")
    assert variables["ARTIFACT_IMAGE_DIGEST"] == metadata["digest"]


async def test_what_was_published_under_dockers_other_names_is_one_registry(
    client: RegistryClient, working_directory: Path
) -> None:
    job = Job(client, RealRegistry("unused"), working_directory)
    job.store = {"RegistryType": "other", "RegistryURL": "https://index.docker.io/v1/"}
    metadata = {"image": "registry-1.docker.io/team/app:1", "digest": DIGEST}
    variables = await job.fetch(metadata, Format="none")
    assert variables["ARTIFACT_IMAGE_REPOSITORY"] == "docker.io/team/app"


async def test_a_fetch_that_is_cancelled_leaves_all_or_nothing(
    client: RegistryClient, plain: RealRegistry, working_directory: Path, repository_path: str
) -> None:
    job = Job(client, plain, working_directory)
    samples.layout(job.folder / "image")
    metadata = await job.publish(Image=repository_path, ImagePath="image")
    for milliseconds in (0, 2, 5, 10):
        task = asyncio.create_task(job.fetch(metadata, Format="oci", Destination="out/image.tar"))
        await asyncio.sleep(milliseconds / 1000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        written = [path.name for path in job.folder.rglob("out/*")]
        assert written == ["image.tar"] or (task.cancelled() and written == [])
        for path in job.folder.rglob("out/*"):
            path.unlink()
