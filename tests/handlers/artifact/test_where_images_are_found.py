"""`Source` auto: file, then daemon, then registry; only «not there» leads on, a failure never does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from plugin.local_registry.server import running
from registry.client import RegistryClient
from registry.errors import ContentMismatch, DaemonFailed, RegistryError, Unauthorized
from tests.handlers.requests import Job
from tests.images import samples
from tests.real.podman import Podman, podman_service
from tests.real.registries import RealRegistry


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory, plain: RealRegistry) -> Iterator[Podman]:
    with podman_service(tmp_path_factory.mktemp("podman"), plain.host) as service:
        yield service


@contextmanager
def daemon_that_fails(*, at: str) -> Iterator[str]:
    """A daemon that has every image, and can't inspect or export it; a real one can't be made to."""

    async def inspect(request: Request) -> Response:
        return JSONResponse({"message": "broken"}, 500 if at == "inspect" else 200)

    async def export(request: Request) -> Response:
        return JSONResponse({"message": "the layer store is broken"}, 500)

    async def ping(request: Request) -> Response:
        return PlainTextResponse("OK")

    routes = [
        Route("/_ping", ping),
        Route("/images/{name:path}/json", inspect),
        Route("/images/{name:path}/get", export),
    ]
    with running(Starlette(routes=routes)) as address:
        yield f"tcp://{address}"


async def load(podman: Podman, folder: Path, name: str) -> None:
    archive = folder.parent / "saved.tar"
    samples.docker_save(archive)
    loaded = await asyncio.to_thread(podman.run, "load", "-q", "-i", str(archive))
    await asyncio.to_thread(podman.run, "tag", loaded.rpartition(": ")[2].strip(), name)


async def test_a_file_is_taken_before_the_daemon(
    client: RegistryClient, plain: RealRegistry, podman: Podman, working_directory: Path, repository_path: str
) -> None:
    job = Job(client, plain, working_directory, podman.docker_host)
    await load(podman, job.folder, f"localhost/{repository_path}:1")
    samples.layout(job.folder / "image")
    from_file = await job.publish(Image=repository_path, Tag="1", ImagePath="image")
    from_daemon = await job.publish(Image=repository_path, Tag="1")
    assert from_file["digest"] != from_daemon["digest"]


async def test_what_podman_built_under_a_bare_name_is_found(
    client: RegistryClient, plain: RealRegistry, podman: Podman, working_directory: Path, repository_path: str
) -> None:
    job = Job(client, plain, working_directory, podman.docker_host)
    await load(podman, job.folder, f"localhost/{repository_path}:1.0")
    metadata = await job.publish(Image=repository_path, Tag="1.0", Source="daemon")
    assert metadata["image"] == f"{plain.host}/{repository_path}:1.0"
    assert [path.name for path in job.folder.iterdir()] == [], "the export is removed"


@pytest.mark.parametrize("at", ["inspect", "export"])
async def test_a_daemon_that_fails_is_an_error_and_no_reason_to_take_an_older_image(
    at: str, client: RegistryClient, plain: RealRegistry, working_directory: Path, repository_path: str
) -> None:
    layout = samples.layout(working_directory.parent / "older")
    await asyncio.to_thread(plain.push, f"oci:{layout}", f"{repository_path}:latest")
    with daemon_that_fails(at=at) as docker_host:
        job = Job(client, plain, working_directory, docker_host)
        with pytest.raises(DaemonFailed, match="broken"):
            await job.publish(Image=repository_path)
    assert [path.name for path in job.folder.iterdir()] == []


async def test_a_registry_that_hides_its_repositories_is_listed_with_what_was_tried(
    client: RegistryClient, with_password: RealRegistry, working_directory: Path
) -> None:
    job = Job(client, with_password, working_directory)
    del job.store["Username"], job.store["Password"]
    with pytest.raises(RegistryError, match=r"no ImagePath is given; no daemon answers at .*; .*401") as caught:
        await job.publish(Image="team/app")
    assert isinstance(caught.value.__cause__, Unauthorized)


async def test_a_docker_host_that_can_not_be_used_is_an_error(
    client: RegistryClient, plain: RealRegistry, working_directory: Path
) -> None:
    job = Job(client, plain, working_directory, "ssh://builder")
    with pytest.raises(DaemonFailed, match="DOCKER_HOST is «ssh://builder»"):
        await job.publish(Image="team/app")


@contextmanager
def registry_that_forgets_manifests() -> Iterator[str]:
    async def take(request: Request) -> Response:
        if request.method == "PUT":
            return Response(status_code=201)
        found = request.method == "HEAD" and "/blobs/" in request.url.path
        return Response(status_code=200 if found else 404)

    routes = [
        Route("/v2/", lambda request: Response()),
        Route("/v2/{rest:path}", take, methods=["GET", "HEAD", "PUT"]),
    ]
    with running(Starlette(routes=routes)) as address:
        yield address


async def test_a_registry_that_takes_the_image_and_has_it_not_is_found_out(
    client: RegistryClient, working_directory: Path
) -> None:
    samples.layout(working_directory / "image")
    with registry_that_forgets_manifests() as host:
        job = Job(client, RealRegistry(host), working_directory)
        with pytest.raises(ContentMismatch, match="took it, and does not have it now"):
            await job.publish(Image="team/app", ImagePath="image")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "BuildFile «build.json»: Invalid JSON"),
        ("[]", "BuildFile «build.json»: "),
        ('{"tag": "1"}', "image: Field required"),
        ('{"image": 1}', "image: Input should be a valid string"),
        ('{"image": "a:1"}', "the image in BuildFile «build.json» .*belongs into"),
        ('{"image": "a", "tag": "x y"}', "«x y» is not a tag"),
        ('{"image": "other.example.com/a"}', "names the registry other.example.com"),
        (" " * 2_000_000, "more than 1048576 bytes"),
    ],
)
async def test_a_build_file_that_can_not_be_used_says_why(
    content: str, words: str, client: RegistryClient, plain: RealRegistry, working_directory: Path
) -> None:
    (working_directory / "build.json").write_text(content)
    with pytest.raises(RegistryError, match=words):
        await Job(client, plain, working_directory).publish(BuildFile="build.json", ImagePath="image")


@pytest.mark.parametrize(
    ("content", "tag"),
    [
        ('{"image": "IMAGE", "tag": "7"}', "7"),
        ('{"image": "IMAGE"}', "from-the-form"),
        ('\ufeff{"image": "IMAGE", "tag": null, "more": 1}', "from-the-form"),
    ],
)
async def test_the_tag_of_a_build_file_comes_before_that_of_the_form(
    content: str, tag: str, client: RegistryClient, plain: RealRegistry, working_directory: Path, repository_path: str
) -> None:
    samples.layout(working_directory / "image")
    (working_directory / "build.json").write_text(content.replace("IMAGE", repository_path))
    job = Job(client, plain, working_directory)
    assert (await job.publish(BuildFile="build.json", Tag="from-the-form", ImagePath="image"))["tag"] == tag
