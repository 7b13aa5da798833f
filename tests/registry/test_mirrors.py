"""Reading from mirrors: in order, verified, and from the registry itself when they fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deploy.sample_image import write_layout
from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry.client import RegistryClient
from registry.credentials import Credentials
from registry.descriptor import Descriptor, Platform
from registry.endpoint import Access, Endpoint
from registry.images.files import open_image
from registry.images.pull import pull_layout
from registry.images.push import push
from registry.keychains.docker_config import DockerConfigKeychain
from registry.limits import Limits
from registry.names import Repository
from registry.registries import Registries
from registry.remote import Remote
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real.faulty import FaultyRegistry, corrupted, cut_after, status
from tests.real.processes import free_port
from tests.real.registries import PASSWORD, USERNAME, RealRegistry

PLATFORM = Platform("linux", "amd64")


@dataclass
class Place:
    """A registry that counts what it is asked."""

    app: FaultyRegistry
    host: str

    @property
    def reads(self) -> int:
        return self.app.count("GET", "/(manifests|blobs)/")


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Place]:
    app = FaultyRegistry(create_local_registry(tmp_path / "origin"))
    with running(app) as host:
        yield Place(app, host)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Place]:
    app = FaultyRegistry(create_local_registry(tmp_path / "mirror"))
    with running(app) as host:
        yield Place(app, host)


def registries(folder: Path, origin: str, *mirrors: str, pull: str = "") -> Registries:
    kind = f'pull-from-mirror = "{pull}"\n' if pull else ""
    listed = "".join(f'[[registry.mirror]]\nlocation = "{place}"\n{kind}' for place in mirrors)
    path = folder / "registries.conf"
    path.write_text(f'[[registry]]\nlocation = "{origin}"\n{listed}')
    return Registries.read([path], [])


def client_of(found: Registries, ambient: DockerConfigKeychain | None = None) -> RegistryClient:
    limits, retry = Limits(tag_list_age=0), Retry(sleep=no_sleep, attempts=2)
    if ambient:
        return RegistryClient(limits, retry, found, ambient)
    return RegistryClient(limits, retry, found)


async def push_sample(host: str, path: str, folder: Path, text: str = "hello\n") -> Descriptor:
    layout = folder / f"image-{text.strip()}"
    if not layout.exists():
        await asyncio.to_thread(write_layout, layout, text)
    async with RegistryClient() as client, open_image(layout, folder) as source:
        remote = client.remote(Access(Endpoint.parse(host)))
        return await push(source, remote, Repository.parse(path, remote.registry), ["1.0"], lambda line: None)


@pytest.fixture
async def remote(origin: Place, mirror: Place, tmp_path: Path) -> AsyncIterator[Remote]:
    """The origin, mirrored below another path; both have the image."""
    await push_sample(origin.host, "team/app", tmp_path)
    await push_sample(mirror.host, "copies/team/app", tmp_path)
    origin.app.requests.clear()
    mirror.app.requests.clear()
    async with client_of(registries(tmp_path, origin.host, f"{mirror.host}/copies")) as client:
        yield client.remote(Access(Endpoint.parse(origin.host)))


async def fetch(remote: Remote, folder: Path) -> list[str]:
    said: list[str] = []
    reference = Repository.parse("team/app", remote.registry).tag("1.0")
    await pull_layout(remote, reference, folder / "out", PLATFORM, said.append)
    assert len(list((folder / "out" / "blobs" / "sha256").iterdir())) == len(said) + 1
    return said


async def test_content_comes_from_the_mirror_and_what_a_tag_names_from_the_registry_itself(
    remote: Remote, origin: Place, mirror: Place, tmp_path: Path
) -> None:
    with capture_logs() as logs:
        said = await fetch(remote, tmp_path)
    assert origin.reads == 0
    assert origin.app.count("HEAD", "manifests/1.0") == 1
    assert mirror.reads > 0
    assert all(line.endswith(f"fetched from the mirror {mirror.host}") for line in said)
    assert {entry["mirror"] for entry in logs if entry["event"] == "read from a mirror"} == {mirror.host}


@pytest.mark.parametrize(
    "fault", [status(500), status(401), status(403), status(404), status(200, b"<html>"), corrupted(), cut_after(10)]
)
async def test_a_mirror_that_fails_or_damages_content_is_passed_over(
    fault: object, remote: Remote, origin: Place, mirror: Place, tmp_path: Path
) -> None:
    mirror.app.expect("GET", "(manifests|blobs)/", fault, times=1000)  # type: ignore[arg-type]
    with capture_logs() as logs:
        said = await fetch(remote, tmp_path)
    assert all(line.endswith(": fetched") for line in said)
    assert origin.reads > 0
    passed = [entry for entry in logs if entry["event"] == "mirror passed over"]
    assert passed
    assert all(mirror.host in entry["mirror"] and entry["problem"] for entry in passed)


async def test_a_mirror_that_is_down_is_asked_once_and_left_alone_for_a_minute(
    origin: Place, mirror: Place, tmp_path: Path
) -> None:
    down = f"127.0.0.1:{free_port()}"
    await push_sample(origin.host, "team/app", tmp_path)
    await push_sample(mirror.host, "team/app", tmp_path)
    async with client_of(registries(tmp_path, origin.host, down, mirror.host)) as client:
        with capture_logs() as logs:
            said = await fetch(client.remote(Access(Endpoint.parse(origin.host))), tmp_path)
    assert all(line.endswith(f"fetched from the mirror {mirror.host}") for line in said), "the next one in order"
    assert len([entry for entry in logs if entry["event"] == "mirror passed over"]) == 1


async def test_a_mirror_without_the_image_leads_on_to_the_registry_itself(
    origin: Place, mirror: Place, tmp_path: Path
) -> None:
    await push_sample(origin.host, "team/app", tmp_path)
    async with client_of(registries(tmp_path, origin.host, mirror.host)) as client:
        said = await fetch(client.remote(Access(Endpoint.parse(origin.host))), tmp_path)
    assert all(line.endswith(": fetched") for line in said)


@pytest.mark.parametrize(("pull", "believed"), [("", False), ("digest-only", False), ("all", True), ("tag-only", True)])
async def test_a_mirror_can_not_move_a_tag_unless_it_is_trusted_with_tags(
    pull: str, believed: bool, origin: Place, mirror: Place, tmp_path: Path
) -> None:
    right = await push_sample(origin.host, "team/app", tmp_path)
    stale = await push_sample(mirror.host, "team/app", tmp_path, "stale\n")
    async with client_of(registries(tmp_path, origin.host, mirror.host, pull=pull)) as client:
        remote = client.remote(Access(Endpoint.parse(origin.host)))
        repository = Repository.parse("team/app", remote.registry)
        named = await remote.manifest(repository.tag("1.0"))
        assert named.digest == (stale.digest if believed else right.digest)
        assert await remote.tags(repository) == ["1.0"]
    assert mirror.app.count("GET", "tags/list") == int(believed)


async def test_each_mirror_gets_its_own_login_and_never_the_registrys(
    with_password: RealRegistry, tmp_path: Path, origin: Place
) -> None:
    path = f"copies-{free_port()}/team/app"
    await push_sample(origin.host, "team/app", tmp_path)
    async with RegistryClient() as client, open_image(tmp_path / "image-hello", tmp_path) as source:
        remote = client.remote(with_password.access)
        await push(source, remote, Repository.parse(path, remote.registry), ["1.0"], lambda line: None)
    logins = DockerConfigKeychain((tmp_path / "config.json",))
    entry = {"username": USERNAME, "password": PASSWORD}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {with_password.host: entry}}))
    place = f"{with_password.host}/{path.partition('/')[0]}"
    async with client_of(registries(tmp_path, origin.host, place), logins) as client:
        remote = client.remote(Access(Endpoint.parse(origin.host)))
        said = await fetch(remote, tmp_path)
        assert await remote.access.keychain.resolve(None, origin.host) is None
        found = await remote.access.keychain.resolve(None, with_password.host)
        assert found == Credentials(USERNAME, PASSWORD)
    assert all(line.endswith(f"fetched from the mirror {with_password.host}") for line in said)


async def test_nothing_is_ever_written_to_a_mirror(origin: Place, mirror: Place, tmp_path: Path) -> None:
    async with client_of(registries(tmp_path, origin.host, mirror.host, pull="all")) as client:
        remote = client.remote(Access(Endpoint.parse(origin.host)))
        await asyncio.to_thread(write_layout, tmp_path / "image")
        async with open_image(tmp_path / "image", tmp_path) as source:
            await push(source, remote, Repository.parse("team/app", remote.registry), ["1.0"], lambda line: None)
    assert mirror.app.requests == []
    assert origin.app.count("PUT", "manifests/1.0") == 1
