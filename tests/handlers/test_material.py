"""The package material: polls what skopeo and we have pushed to a real registry."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from deploy.sample_image import write_layout
from handlers.context import Context
from handlers.package_connection import check_package_connection, check_repository_connection
from handlers.package_revisions import latest_revision, latest_revision_since
from registry.client import RegistryClient
from registry.errors import RegistryError
from schemas.package import NoChange, PackageRequest, PackageRevision, PackageSinceRequest, RepositoryRequest
from tests.real.processes import free_port
from tests.real.registries import RealRegistry


class Material:
    """One package of one registry, as GoCD polls it."""

    def __init__(self, client: RegistryClient, registry: RealRegistry, path: str, folder: Path) -> None:
        self.context = Context(client)
        self.registry = registry
        self.path = path
        self.repository: dict[str, Any] = dict(registry.package_repository)
        self.package: dict[str, Any] = {"DOCKER_IMAGE": {"value": path}, "DOCKER_TAG_FILTER": {}}
        self._folder = folder

    async def push(self, *tags: str, content: str = "", created: str = "2026-01-02T03:04:05.678Z") -> None:
        for tag in tags:
            layout = self._folder / f"{tag}-{content}"
            write_layout(layout, content or tag, created)
            await asyncio.to_thread(self.registry.push, f"oci:{layout}", f"{self.path}:{tag}")

    @property
    def _body(self) -> dict[str, Any]:
        return {"repository-configuration": self.repository, "package-configuration": self.package}

    async def latest(self) -> PackageRevision:
        return await latest_revision(PackageRequest.model_validate(self._body), self.context)

    async def since(self, previous: PackageRevision | str) -> PackageRevision | NoChange:
        known = previous if isinstance(previous, str) else previous.revision
        data = {} if isinstance(previous, str) else previous.data
        body = {**self._body, "previous-revision": {"revision": known, "timestamp": "x", "data": data}}
        return await latest_revision_since(PackageSinceRequest.model_validate(body), self.context)

    async def check(self) -> tuple[str, list[str]]:
        result = await check_package_connection(PackageRequest.model_validate(self._body), self.context)
        return result.status, result.messages

    async def check_repository(self) -> tuple[str, list[str]]:
        request = RepositoryRequest.model_validate({"repository-configuration": self.repository})
        result = await check_repository_connection(request, self.context)
        return result.status, result.messages


@pytest.fixture
def material(client: RegistryClient, plain: RealRegistry, repository_path: str, tmp_path: Path) -> Material:
    return Material(client, plain, repository_path, tmp_path)


async def test_the_newest_tag_is_the_revision_with_its_facts(material: Material, plain: RealRegistry) -> None:
    await material.push("1.9", "1.10", "1.2")
    revision = await material.latest()
    digest = (await asyncio.to_thread(plain.inspect, f"{material.path}:1.10"))["Digest"]
    assert revision.model_dump(by_alias=True) == {
        "revision": "1.10",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "user": "",
        "revisionComment": "A sample image",
        "trackbackUrl": "",
        "data": {
            "TAG": "1.10",
            "DIGEST": digest,
            "IMAGE": f"{plain.host}/{material.path}:1.10",
            "REFERENCE": f"{plain.host}/{material.path}@{digest}",
        },
    }


async def test_nothing_newer_is_no_change_and_something_newer_is_told(material: Material) -> None:
    await material.push("1.9")
    first = await material.latest()
    assert await material.since(first) == NoChange()
    await material.push("1.10")
    newer = await material.since(first)
    assert isinstance(newer, PackageRevision)
    assert newer.revision == "1.10"


async def test_nothing_older_is_ever_told(material: Material) -> None:
    await material.push("1.9")
    assert await material.since("1.10") == NoChange()
    assert await material.since("1.10@sha256:" + "0" * 64) == NoChange()


async def test_a_filter_that_matches_nothing_is_an_error_first_and_no_change_later(material: Material) -> None:
    await material.push("1.9")
    material.package["DOCKER_TAG_FILTER"] = {"value": "^2"}
    with pytest.raises(RegistryError, match=r"none of its 1 tags matches the filter «\^2»"):
        await material.latest()
    assert await material.since("2.0") == NoChange()


@pytest.mark.parametrize("key", [{"DOCKER_TAG": {"value": "main"}}, {"DOCKER_TRACK_DIGEST": {"value": "true"}}])
async def test_a_tag_that_is_pushed_again_is_a_new_revision(key: dict[str, Any], material: Material) -> None:
    material.package.update(key)
    await material.push("main", content="one")
    first = await material.latest()
    assert first.revision == f"main@{first.data['DIGEST']}"
    assert await material.since(first) == NoChange()
    await material.push("main", content="two")
    second = await material.since(first)
    assert isinstance(second, PackageRevision)
    assert second.data["DIGEST"] != first.data["DIGEST"]


async def test_without_tracking_a_tag_that_is_pushed_again_is_no_change(material: Material) -> None:
    await material.push("1", content="one")
    first = await material.latest()
    await material.push("1", content="two")
    assert await material.since(first) == NoChange()


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "not a time", ""])
async def test_an_image_without_a_date_has_that_of_today(created: str, material: Material) -> None:
    await material.push("1", content=created.replace(":", "-") or "none", created=created)
    assert (await material.latest()).timestamp.startswith("202")
    assert (await material.latest()).timestamp.endswith("Z")


async def test_hundreds_of_tags_on_several_pages_are_all_seen(
    client: RegistryClient, tmp_path: Path, repository_path: str
) -> None:
    from plugin.local_registry.app import create_local_registry
    from plugin.local_registry.server import running

    folder = tmp_path / "registry"
    with running(create_local_registry(folder)) as host:
        material = Material(client, RealRegistry(host), repository_path, tmp_path)
        await material.push("0")
        tags = folder / "repositories" / repository_path / "_tags"
        digest = (tags / "0").read_text()
        for number in range(2500):
            (tags / f"1.{number}").write_text(digest)
        assert (await material.latest()).revision == "1.2499"


async def test_signatures_are_no_versions(material: Material) -> None:
    await material.push("1.0", "sha256-" + "f" * 64 + ".sig")
    assert (await material.latest()).revision == "1.0"


async def test_check_connection_says_what_was_found(material: Material) -> None:
    await material.push("1.9", "2.0", "other")
    material.package["DOCKER_TAG_FILTER"] = {"value": r"^\d"}
    assert await material.check_repository() == ("success", ["Docker registry found."])
    assert await material.check() == (
        "success",
        ["Docker image found.", "2 of 3 tags count; 2.0 is the newest."],
    )


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://no-such-host.invalid/v2/", "could not be resolved"),
        ("http://127.0.0.1:{free}", "refused the connection"),
        ("https://{plain}", "http://"),
        ("https://{tls}", "certificate"),
        ("http://{password}", "none were given"),
        ("http://{html}", "not what a registry answers"),
    ],
)
async def test_check_connection_tells_failures_apart(
    address: str,
    words: str,
    material: Material,
    plain: RealRegistry,
    with_tls: RealRegistry,
    with_password: RealRegistry,
) -> None:
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    from plugin.local_registry.server import running

    page = Starlette(routes=[Route("/v2/", lambda request: HTMLResponse("<html>Welcome</html>"))])
    with running(page) as html:
        url = address.format(
            free=free_port(), plain=plain.host, tls=with_tls.host, password=with_password.host, html=html
        )
        material.repository["DOCKER_REGISTRY_URL"] = {"value": url}
        status, messages = await material.check_repository()
    assert status == "failure"
    assert words in messages[0]


async def test_a_missing_image_is_a_failure_that_names_it(material: Material) -> None:
    status, messages = await material.check()
    assert status == "failure"
    assert material.path in messages[0]
    assert "404" in messages[0]


async def test_an_outage_is_an_error_and_never_no_tags(material: Material) -> None:
    material.repository["DOCKER_REGISTRY_URL"] = {"value": f"http://127.0.0.1:{free_port()}"}
    with pytest.raises(RegistryError, match="refused"):
        await material.since("1.0")


async def test_annotations_and_labels_become_comment_author_and_link(material: Material, tmp_path: Path) -> None:
    layout = tmp_path / "annotated"
    write_layout(layout, "x")
    index = json.loads((layout / "index.json").read_text())
    name = index["manifests"][0]["digest"].partition(":")[2]
    body = json.loads((layout / "blobs" / "sha256" / name).read_text())
    body["annotations"] = {
        "org.opencontainers.image.authors": "Ada\u0007 <ada@example.com>",
        "org.opencontainers.image.revision": "3f2a1c",
        "org.opencontainers.image.source": "javascript:alert(1)",
        "org.opencontainers.image.url": "https://example.com/app",
    }
    import hashlib

    from deploy.sample_image import write_index

    raw = json.dumps(body).encode()
    digest = hashlib.sha256(raw).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(raw)
    write_index(layout, [{**index["manifests"][0], "digest": f"sha256:{digest}", "size": len(raw)}])
    await asyncio.to_thread(material.registry.push, f"oci:{layout}", f"{material.path}:1")
    revision = await material.latest()
    assert revision.user == "Ada  <ada@example.com>"
    assert revision.revision_comment == "A sample image\nRevision 3f2a1c"
    assert revision.trackback_url == "https://example.com/app"
