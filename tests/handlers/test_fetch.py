"""Fetch, from a real registry, what skopeo and we have pushed; read by skopeo."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from registry.client import RegistryClient
from registry.descriptor import Platform
from registry.errors import RegistryError
from tests.handlers.requests import Job
from tests.images import samples
from tests.real.registries import RealRegistry

DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def job(client: RegistryClient, plain: RealRegistry, working_directory: Path) -> Job:
    return Job(client, plain, working_directory)


def digest_of(transport_name: str) -> str:
    done = subprocess.run(["skopeo", "inspect", transport_name], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["Digest"])


async def published(job: Job, path: str, *, multi_arch: bool = False) -> dict[str, str]:
    make = samples.multi_arch_layout if multi_arch else samples.layout
    make(job.folder / "built")
    return await job.publish(Image=path, Tag="1.0", ImagePath="built")


@pytest.mark.parametrize(("format_", "transport"), [("oci-layout", "oci"), ("oci", "oci-archive")])
async def test_what_is_fetched_is_what_was_published(
    format_: str, transport: str, job: Job, repository_path: str
) -> None:
    metadata = await published(job, repository_path)
    variables = await job.fetch(metadata, Format=format_, Destination="out/image")
    path = job.folder / "out" / "image"
    assert variables == {
        "ARTIFACT_IMAGE": metadata["image"],
        "ARTIFACT_IMAGE_DIGEST": metadata["digest"],
        "ARTIFACT_IMAGE_REPOSITORY": metadata["repository"],
        "ARTIFACT_IMAGE_TAG": "1.0",
        "ARTIFACT_IMAGE_PATH": str(path),
    }
    assert await asyncio.to_thread(digest_of, f"{transport}:{path}") == metadata["digest"]
    assert [entry.name for entry in (job.folder / "out").iterdir()] == ["image"]


async def test_the_tarball_is_one_for_docker_load_too(job: Job, repository_path: str) -> None:
    metadata = await published(job, repository_path)
    variables = await job.fetch(metadata, Format="oci")
    path = variables["ARTIFACT_IMAGE_PATH"]
    copied = job.folder / "copied"
    command = ["skopeo", "copy", "--insecure-policy", f"docker-archive:{path}", f"dir:{copied}"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


async def test_what_skopeo_pushed_is_fetched(job: Job, plain: RealRegistry, repository_path: str) -> None:
    samples.docker_save(job.folder / "saved.tar")
    await asyncio.to_thread(plain.push, f"docker-archive:{job.folder}/saved.tar", f"{repository_path}:1.0")
    metadata = await job.publish(Image=repository_path, Tag="1.0", Source="registry")
    await job.fetch(metadata, Format="oci-layout", Destination="image", Platform="linux/amd64")
    assert await asyncio.to_thread(digest_of, f"oci:{job.folder}/image") == metadata["digest"]


async def test_of_several_platforms_the_wanted_one_is_fetched(job: Job, repository_path: str) -> None:
    metadata = await published(job, repository_path, multi_arch=True)
    await job.fetch(metadata, Format="oci-layout", Destination="arm", Platform="linux/arm64")
    index = json.loads((job.folder / "arm" / "index.json").read_text())
    assert [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in index["manifests"]] == ["1.0"]
    await job.fetch(metadata, Format="oci-layout", Destination="own")
    assert Platform.of_this_machine().architecture in ("amd64", "arm64")


async def test_a_platform_that_is_not_there_lists_those_that_are(job: Job, repository_path: str) -> None:
    metadata = await published(job, repository_path, multi_arch=True)
    with pytest.raises(RegistryError, match="these platforms: linux/amd64, linux/arm64"):
        await job.fetch(metadata, Format="oci", Platform="linux/s390x")


async def test_a_layout_is_replaced_and_other_things_are_not(job: Job, repository_path: str) -> None:
    metadata = await published(job, repository_path)
    for _ in range(2):
        await job.fetch(metadata, Format="oci-layout", Destination="image")
    (job.folder / "sources").mkdir()
    (job.folder / "sources" / "main.c").touch()
    with pytest.raises(RegistryError, match="it would be lost"):
        await job.fetch(metadata, Format="oci-layout", Destination="sources")
    assert (job.folder / "sources" / "main.c").exists()


@pytest.mark.parametrize("configuration", [{"Format": "none"}, {"SkipImagePulling": "true"}])
async def test_without_pulling_only_variables_come_with_their_prefix(configuration: dict[str, str], job: Job) -> None:
    metadata = {"image": "team/app:1", "digest": DIGEST}
    variables = await job.fetch(metadata, EnvironmentVariablePrefix="BUILD", **configuration)
    assert variables["BUILD_ARTIFACT_IMAGE"] == "team/app:1"
    assert variables["BUILD_ARTIFACT_IMAGE_DIGEST"] == DIGEST
    assert "BUILD_ARTIFACT_IMAGE_PATH" not in variables


@pytest.mark.parametrize(
    ("metadata", "configuration", "words"),
    [
        (None, {}, "nothing was published"),
        ({}, {}, "nothing was published"),
        ({"image": "a/b:1", "digest": "x"}, {}, "metadata can't be read"),
        ({"image": "other.example.com/b:1", "digest": DIGEST}, {}, "published to other.example.com"),
        ({"image": "a/b:1", "digest": DIGEST}, {}, "no daemon answers .*oci-layout, oci or none"),
        ({"image": "a/b:1", "digest": DIGEST}, {"Format": "zip"}, "is no format"),
        ({"image": "a/b:1", "digest": DIGEST}, {"Format": "oci", "Destination": "../x"}, "leads out"),
        ({"image": "a/b:1", "digest": DIGEST}, {"Format": "oci", "Destination": "/x"}, "leads out"),
        ({"image": "a/b:1", "digest": DIGEST}, {"Format": "oci", "Destination": "link/x"}, "leads out"),
        ({"image": "a/b:1", "digest": DIGEST}, {"Format": "oci", "Destination": "."}, "leads out"),
        ({"image": "a/b:1", "digest": DIGEST}, {"Format": "oci", "Platform": "x"}, "linux/amd64"),
        ({"image": "a/b:1", "digest": DIGEST}, {"Format": "oci"}, "404"),
    ],
)
async def test_what_is_wrong_is_said_in_words(
    metadata: dict[str, str] | None, configuration: dict[str, str], words: str, job: Job
) -> None:
    (job.folder / "link").symlink_to("/etc")
    with pytest.raises(RegistryError, match=words):
        await job.fetch(metadata, **configuration)
    assert [path.name for path in job.folder.iterdir()] == ["link"]


async def test_damage_in_the_registry_is_found_out_and_nothing_is_written(
    client: RegistryClient, working_directory: Path, repository_path: str, tmp_path: Path
) -> None:
    from tests.real.registries import plain_registry

    folder = tmp_path / "registry"
    folder.mkdir()
    with plain_registry(folder) as registry:
        job = Job(client, registry, working_directory)
        metadata = await published(job, repository_path)
        blobs = (folder / "data").rglob("blobs/sha256/*/*/data")
        stored = next(path for path in blobs if path.read_bytes().startswith(b"\x1f\x8b"))
        stored.write_bytes(bytes(reversed(stored.read_bytes())))
        with pytest.raises(RegistryError, match="digest"):
            await job.fetch(metadata, Format="oci", Destination="out.tar")
    assert [path.name for path in job.folder.iterdir()] == ["built"]
