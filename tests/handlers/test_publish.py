"""Publish, on a real registry, checked by skopeo."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from handlers.store_access import store_access
from registry.client import RegistryClient
from registry.errors import RegistryError
from registry.names import Repository
from schemas.artifact_configuration import StoreConfiguration
from tests.handlers.requests import Job
from tests.images import samples
from tests.real.registries import RealRegistry


@pytest.fixture
def job(client: RegistryClient, plain: RealRegistry, working_directory: Path) -> Job:
    return Job(client, plain, working_directory)


async def inspect(registry: RealRegistry, name: str) -> dict[str, object]:
    return await asyncio.to_thread(registry.inspect, name)


async def tags_of(job: Job, path: str) -> list[str]:
    remote = job.context.client.remote(store_access(StoreConfiguration.model_validate(job.store)))
    return sorted(await remote.tags(Repository.parse(path, remote.registry)))


@pytest.mark.parametrize(
    "kind", ["layout", "layout in tar", "layout in tar.gz", "docker save", "docker save with links", "docker save gz"]
)
async def test_every_kind_of_file_is_told_apart_by_its_content(
    kind: str, job: Job, plain: RealRegistry, repository_path: str
) -> None:
    source, target = job.folder / "source", job.folder / "image.bin"
    if kind.startswith("layout"):
        samples.layout(source)
        modes = {"layout in tar": "w", "layout in tar.gz": "w:gz"}
        target = samples.tarball_of(source, target, modes[kind]) if kind in modes else source
    else:
        samples.docker_save(target, link="links" in kind)
        target = samples.gzipped(target) if kind.endswith("gz") else target
    metadata = await job.publish(Image=repository_path, Tag="1.0", ImagePath=target.name)
    inspected = await inspect(plain, f"{repository_path}:1.0")
    assert metadata == {
        "image": f"{plain.host}/{repository_path}:1.0",
        "digest": inspected["Digest"],
        "repository": f"{plain.host}/{repository_path}",
        "tag": "1.0",
        "tags": "1.0",
    }
    copied = job.folder / "copy"
    await asyncio.to_thread(
        plain.skopeo,
        "copy",
        "--insecure-policy",
        "--src-tls-verify=false",
        f"docker://{metadata['image']}",
        f"dir:{copied}",
    )
    assert [path for path in job.folder.iterdir() if path.name.startswith(".")] == [], "nothing unpacked is left"


async def test_a_multi_arch_index_is_pushed_whole(job: Job, plain: RealRegistry, repository_path: str) -> None:
    samples.multi_arch_layout(job.folder / "image")
    metadata = await job.publish(Image=repository_path, ImagePath="image")
    raw = await asyncio.to_thread(
        plain.skopeo, "inspect", "--raw", "--tls-verify=false", f"docker://{metadata['image']}"
    )
    assert len(json.loads(raw)["manifests"]) == 3


async def test_the_same_saved_image_has_the_same_digest_again(job: Job, repository_path: str) -> None:
    samples.docker_save(job.folder / "a.tar")
    first = await job.publish(Image=repository_path, Tag="1", ImagePath="a.tar")
    job.console.lines.clear()
    second = await job.publish(Image=repository_path, Tag="2", ImagePath="a.tar")
    assert first["digest"] == second["digest"]
    assert sum("already there" in line for line in job.console.lines) == 2
    assert not any(line.endswith("): pushed") for line in job.console.lines)


async def test_more_tags_come_from_a_list_and_a_file_and_none_is_put_twice(job: Job, repository_path: str) -> None:
    samples.layout(job.folder / "image")
    (job.folder / "tags").write_text("# from the build\n1.4\n\nstable latest\n")
    job.environment = {"GO_PIPELINE_LABEL": "1.4.2"}
    metadata = await job.publish(
        Image=repository_path,
        Tag="${GO_PIPELINE_LABEL}",
        ImagePath="im*",
        AdditionalTags="1, latest",
        TagsFile="tags",
    )
    assert metadata["tags"] == "1.4.2,1,latest,1.4,stable"
    assert await tags_of(job, repository_path) == sorted(["1.4.2", "1", "latest", "1.4", "stable"])


async def test_a_build_file_names_image_and_tag(job: Job, plain: RealRegistry, repository_path: str) -> None:
    samples.layout(job.folder / "image")
    (job.folder / "build.json").write_text(json.dumps({"image": f"{plain.host}/{repository_path}", "tag": "7"}))
    assert (await job.publish(BuildFile="build.json", ImagePath="image"))["tag"] == "7"


async def test_an_image_that_was_pushed_already_gets_its_tags_and_moves_no_bytes(
    job: Job, plain: RealRegistry, repository_path: str
) -> None:
    layout = samples.layout(job.folder / "image")
    await asyncio.to_thread(plain.push, f"oci:{layout}", f"{repository_path}:1.0")
    metadata = await job.publish(Image=repository_path, Tag="1.0", AdditionalTags="latest")
    assert metadata["digest"] == (await inspect(plain, f"{repository_path}:latest"))["Digest"]
    assert not any(line.endswith("): pushed") for line in job.console.lines)


async def test_with_passwords_it_works_too(
    client: RegistryClient, with_password: RealRegistry, working_directory: Path, repository_path: str
) -> None:
    job = Job(client, with_password, working_directory)
    samples.layout(job.folder / "image")
    metadata = await job.publish(Image=repository_path, ImagePath="image")
    assert metadata["tag"] == "latest"


NOTHING_THERE = "ImagePath .*nothing is there"


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"Image": "a/b"}, "no ImagePath is given; no daemon answers at unix:///nowhere; the registry has no"),
        ({"Image": "a/b", "ImagePath": "missing.tar"}, NOTHING_THERE),
        ({"Image": "a/b", "ImagePath": "*.tar"}, NOTHING_THERE),
        ({"Image": "a/b", "ImagePath": "image*"}, "matches 2 files: image, image2"),
        ({"Image": "a/b", "ImagePath": "../x"}, "leads out of the working directory"),
        ({"Image": "a/b", "ImagePath": "/etc/passwd"}, "leads out of the working directory"),
        ({"Image": "a/b", "ImagePath": "link"}, "leads out of the working directory"),
        ({"Image": "a/b", "ImagePath": "image", "Tag": "${NO} ${NEITHER}"}, r"\$\{NEITHER\}, \$\{NO\}"),
        ({"Image": "a/b", "ImagePath": "image", "Tag": "a b"}, "is not a tag"),
        ({"Image": "a/b:1", "ImagePath": "image"}, "The tag belongs into Tag"),
        ({"Image": "A/B", "ImagePath": "image"}, "lower case"),
        ({"Image": "other.example.com/a", "ImagePath": "image"}, "names the registry other.example.com, and .* is 127"),
        ({"BuildFile": "image/index.json"}, "image: Field required"),
        ({"BuildFile": "nothing"}, "No such file"),
        ({"BuildFile": "../x"}, "leads out"),
        ({}, "either Image or BuildFile"),
        ({"Image": "a/b", "ImagePath": "image", "Source": "elsewhere"}, "is no source"),
        ({"Image": "a/b", "Source": "file"}, "no ImagePath is given"),
        ({"Image": "a/b", "Source": "daemon"}, "no daemon answers"),
        ({"Image": "a/b", "Source": "registry"}, "the registry has no"),
        ({"Image": "a/b", "ImagePath": "empty"}, "no index.json"),
        ({"Image": "a/b", "ImagePath": "image/oci-layout"}, "not a readable tarball"),
    ],
)
async def test_what_is_wrong_is_said_in_words(configuration: dict[str, str], words: str, job: Job) -> None:
    samples.layout(job.folder / "image")
    samples.layout(job.folder / "image2")
    (job.folder / "empty").mkdir()
    (job.folder / "link").symlink_to("/etc")
    with pytest.raises(RegistryError, match=words):
        await job.publish(**configuration)


@pytest.mark.parametrize(
    "damage", ["missing blob", "short blob", "corrupt blob", "corrupt manifest", "cut tarball", "lie"]
)
async def test_a_broken_image_leaves_nothing_under_a_tag(damage: str, job: Job, repository_path: str) -> None:
    layout = samples.layout(job.folder / "image")
    manifest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"].partition(":")[2]
    blobs = {path.name: path for path in (layout / "blobs" / "sha256").iterdir()}
    body = json.loads(blobs[manifest].read_text())
    layer = blobs[body["layers"][0]["digest"].partition(":")[2]]
    path = "image"
    if damage == "missing blob":
        layer.unlink()
    elif damage == "short blob":
        layer.write_bytes(layer.read_bytes()[:-1])
    elif damage == "corrupt blob":
        layer.write_bytes(bytes(reversed(layer.read_bytes())))
    elif damage == "corrupt manifest":
        content = blobs[manifest].read_bytes()
        blobs[manifest].write_bytes(content.replace(b"schemaVersion", b"schemaversion"))
    elif damage == "lie":
        samples.docker_save(job.folder / "image.tar", diff_id="sha256:" + "0" * 64)
        path = "image.tar"
    else:
        whole = samples.tarball_of(layout, job.folder / "whole.tar").read_bytes()
        (job.folder / "image.tar").write_bytes(whole[: len(whole) // 2])
        path = "image.tar"
    with pytest.raises(RegistryError) as caught:
        await job.publish(Image=repository_path, Tag="1.0", ImagePath=path)
    assert "Traceback" not in str(caught.value)
    with pytest.raises(RegistryError):
        await tags_of(job, repository_path)


async def test_a_working_directory_outside_of_the_allowed_roots_is_refused(
    job: Job, tmp_path_factory: pytest.TempPathFactory
) -> None:
    job.folder = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(RegistryError, match="outside of the folders"):
        await job.publish(Image="a/b", ImagePath="image")


async def test_cancelling_leaves_no_tag_and_no_file(job: Job, repository_path: str) -> None:
    samples.docker_save(job.folder / "a.tar")
    task = asyncio.create_task(job.publish(Image=repository_path, ImagePath="a.tar"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [path.name for path in job.folder.iterdir()] == ["a.tar"]
    with pytest.raises(RegistryError):
        await tags_of(job, repository_path)
