"""What a poll costs: one request when nothing is new, and no more for many packages of one repository."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from deploy.sample_image import write_layout
from handlers.context import Context
from handlers.package_revisions import latest_revision, latest_revision_since
from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry.client import RegistryClient
from registry.endpoint import Access, Endpoint
from registry.images.files import open_image
from registry.images.push import push
from registry.limits import Limits
from registry.names import Repository
from schemas.package import NoChange, PackageRequest, PackageRevision, PackageSinceRequest
from tests.real.faulty import FaultyRegistry

TAGS = [f"1.{number}" for number in range(10)]


@dataclass
class Counted(FaultyRegistry):
    """A registry that takes note of how many requests are under way."""

    at_once: int = 0
    most_at_once: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.at_once -= 1


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[tuple[Counted, str]]:
    app = Counted(create_local_registry(tmp_path / "registry"))
    with running(app) as host:
        yield app, host


def package(host: str, repository: str, **keys: str) -> dict[str, object]:
    registry = {"DOCKER_REGISTRY_URL": f"http://{host}/v2/", "DOCKER_REGISTRY_NAME": "r"}
    values = {"DOCKER_IMAGE": repository, **keys}
    return {
        "repository-configuration": {key: {"value": value} for key, value in registry.items()},
        "package-configuration": {key: {"value": value} for key, value in values.items()},
    }


async def push_tags(client: RegistryClient, host: str, path: str, folder: Path) -> None:
    await asyncio.to_thread(write_layout, folder / path)
    remote = client.remote(Access(Endpoint.parse(host)))
    async with open_image(folder / path, folder) as source:
        await push(source, remote, Repository.parse(path, remote.registry), TAGS, lambda line: None)


async def poll(context: Context, request: dict[str, object], known: PackageRevision) -> PackageRevision | NoChange:
    previous = {"revision": known.revision, "timestamp": known.timestamp, "data": known.data}
    body = {**request, "previous-revision": previous}
    return await latest_revision_since(PackageSinceRequest.model_validate(body), context)


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ({}, ["GET /v2/app/tags/list"]),
        ({"DOCKER_TAG_FILTER": "^1"}, ["GET /v2/app/tags/list"]),
        ({"DOCKER_TAG": "1.7"}, ["HEAD /v2/app/manifests/1.7"]),
    ],
)
async def test_a_poll_with_nothing_new_is_one_request(
    keys: dict[str, str], asked: list[str], counted: tuple[Counted, str], tmp_path: Path
) -> None:
    app, host = counted
    async with RegistryClient(Limits(tag_list_age=0)) as client:
        await push_tags(client, host, "app", tmp_path)
        context, request = Context(client), package(host, "app", **keys)
        known = await latest_revision(PackageRequest.model_validate(request), context)
        app.requests.clear()
        assert await poll(context, request, known) == NoChange()
        assert app.requests == asked


async def test_a_first_poll_reads_the_winner_only(counted: tuple[Counted, str], tmp_path: Path) -> None:
    app, host = counted
    async with RegistryClient() as client:
        await push_tags(client, host, "app", tmp_path)
        app.requests.clear()
        await latest_revision(PackageRequest.model_validate(package(host, "app")), Context(client))
        kinds = [line.rpartition("/")[0].removesuffix("/sha256") for line in app.requests]
        assert kinds == ["GET /v2/app/tags", "HEAD /v2/app/manifests", "GET /v2/app/manifests", "GET /v2/app/blobs"]
        app.requests.clear()
        await latest_revision(PackageRequest.model_validate(package(host, "app")), Context(client))
        assert app.requests == ["HEAD /v2/app/manifests/1.9"], "manifest, config and the list are known"


async def test_a_thousand_packages_over_fifty_repositories_ask_each_repository_once(
    counted: tuple[Counted, str], tmp_path: Path
) -> None:
    app, host = counted
    async with RegistryClient() as client:
        context = Context(client)
        await push_tags(client, host, "app", tmp_path)
        known = await latest_revision(PackageRequest.model_validate(package(host, "app")), context)
        for number in range(50):
            await push_tags(client, host, f"team-{number}/app", tmp_path)
        app.requests.clear()
        app.most_at_once = 0
        requests = [package(host, f"team-{number % 50}/app", DOCKER_TAG_FILTER="^1") for number in range(1000)]
        answers = await asyncio.gather(*(poll(context, request, known) for request in requests))
        assert set(map(type, answers)) == {NoChange}
        assert len(app.requests) == 50
        assert app.most_at_once <= Limits().requests_per_host
