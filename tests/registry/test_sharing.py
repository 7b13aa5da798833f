"""Asked once for many, and fair between jobs: single flight, tag lists, transfers in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.images import write_image
from deploy.sample_image import write_layout
from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry.cache import Cache
from registry.client import RegistryClient
from registry.credentials import Credentials, StaticKeychain
from registry.endpoint import Access, Endpoint
from registry.errors import NotFound, RegistryError
from registry.fairness import FairBound
from registry.images.files import open_image
from registry.images.push import push
from registry.limits import Limits
from registry.manifest import Manifest
from registry.names import Repository
from registry.remote import Remote
from registry.retry import Retry
from registry.single_flight import SingleFlight
from tests.conftest import no_sleep
from tests.real.faulty import FaultyRegistry, status


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[tuple[FaultyRegistry, str]]:
    app = FaultyRegistry(create_local_registry(tmp_path / "registry"))
    with running(app) as host:
        yield app, host


async def push_sample(remote: Remote, repository: Repository, folder: Path, *tags: str) -> list[str]:
    layout, said = folder / "image", list[str]()
    if not layout.exists():
        await asyncio.to_thread(write_layout, layout)
    async with open_image(layout, folder) as source:
        await push(source, remote, repository, tags, said.append)
    return said


async def test_who_asks_the_same_at_the_same_time_shares_the_answer_or_the_failure() -> None:
    flights, asked = SingleFlight[str, int](), 0

    async def work() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if asked == 1:
            raise ValueError
        return asked

    first = await asyncio.gather(*(flights.do("a", work) for _ in range(5)), return_exceptions=True)
    assert {type(result) for result in first} == {ValueError}
    assert await asyncio.gather(*(flights.do("a", work) for _ in range(5))) == [2] * 5
    assert await flights.do("a", work) == 3, "nothing is kept"


async def test_work_goes_on_while_anybody_waits_and_ends_when_nobody_does() -> None:
    flights, ended = SingleFlight[str, str](), list[str]()

    async def work() -> str:
        try:
            await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "done"

    impatient, patient = (asyncio.create_task(flights.do("a", work)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "done"
    alone = asyncio.create_task(flights.do("a", work))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)
    await asyncio.sleep(0)
    assert ended == ["cancelled"]
    assert await flights.do("a", work) == "done", "who comes later begins anew"


async def test_a_job_with_one_layer_does_not_wait_for_one_with_many() -> None:
    bound, order = FairBound(1), list[str]()

    async def transfer(job: str) -> None:
        async with bound.place(job):
            order.append(job)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(transfer("many")) for _ in range(6)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(transfer("one")))
    await asyncio.gather(*tasks)
    assert order.index("one") < 4, "after the ones that were let in before it came"
    assert order.count("many") == 6


async def test_a_transfer_that_is_given_up_leaves_its_place_to_the_next() -> None:
    bound = FairBound(1)

    async def hold() -> None:
        async with bound.place("a"):
            await asyncio.sleep(3600)

    holder, waiting = asyncio.create_task(hold()), asyncio.create_task(hold())
    await asyncio.sleep(0)
    waiting.cancel()
    holder.cancel()
    await asyncio.gather(holder, waiting, return_exceptions=True)
    async with asyncio.timeout(1), bound.place("b"):
        pass


async def test_a_list_of_tags_is_asked_for_once_by_all_and_again_when_it_is_old_or_changed_by_us(
    counted: tuple[FaultyRegistry, str], tmp_path: Path
) -> None:
    app, host = counted
    async with RegistryClient(Limits(tag_list_age=60)) as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        repository = Repository.parse("team/app", remote.registry)
        await push_sample(remote, repository, tmp_path, "1.0")
        answers = await asyncio.gather(*(remote.tags(repository) for _ in range(20)))
        assert all(answer == ["1.0"] for answer in answers)
        await remote.tags(repository)
        assert app.count("GET", "tags/list") == 1
        await push_sample(remote, repository, tmp_path, "1.1")
        assert await remote.tags(repository) == ["1.0", "1.1"]
    async with RegistryClient(Limits(tag_list_age=0)) as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        for _ in range(2):
            await remote.tags(repository)
    assert app.count("GET", "tags/list") == 4


async def test_a_list_that_failed_is_not_remembered(counted: tuple[FaultyRegistry, str], tmp_path: Path) -> None:
    app, host = counted
    async with RegistryClient(Limits(tag_list_age=60), Retry(attempts=1, sleep=no_sleep)) as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        repository = Repository.parse("team/app", remote.registry)
        await push_sample(remote, repository, tmp_path, "1.0")
        app.expect("GET", "tags/list", status(500))
        with pytest.raises(RegistryError, match="500"):
            await remote.tags(repository)
        assert await remote.tags(repository) == ["1.0"]


async def test_digests_of_many_tags_are_asked_for_once_within_their_age_by_every_process(
    counted: tuple[FaultyRegistry, str], tmp_path: Path
) -> None:
    app, host = counted
    tags = [f"1.{number}" for number in range(30)]
    for expected in (30, 30, 60):
        cache = Cache.in_folder(tmp_path / "cache", 0)
        async with RegistryClient(cache=cache) as client:
            remote = client.remote(Access(Endpoint.parse(host)))
            repository = Repository.parse("team/app", remote.registry)
            if expected == 30 and not app.count("PUT", "manifests/1.0"):
                await push_sample(remote, repository, tmp_path, *tags)
            max_age = 60.0 if expected == 30 else 0.0
            found = await remote.digests(repository, tags, max_age)
            assert list(found) == tags
            assert found["1.7"] == await remote.resolve(repository.tag("1.7"))
            app.requests.remove(next(line for line in reversed(app.requests) if line.endswith("manifests/1.7")))
        assert app.count("HEAD", "manifests/1") == expected


async def test_one_digest_that_can_not_be_had_fails_all(counted: tuple[FaultyRegistry, str], tmp_path: Path) -> None:
    _, host = counted
    async with RegistryClient() as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        repository = Repository.parse("team/app", remote.registry)
        await push_sample(remote, repository, tmp_path, "1.0")
        with pytest.raises(NotFound, match="missing"):
            await remote.digests(repository, ["1.0", "missing"], 60.0)


async def test_a_manifest_is_read_once_and_a_kept_one_only_after_the_registry_has_confirmed_it(
    counted: tuple[FaultyRegistry, str], tmp_path: Path
) -> None:
    app, host = counted
    async with RegistryClient() as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        repository = Repository.parse("team/app", remote.registry)
        await push_sample(remote, repository, tmp_path, "1.0")
        index = await remote.manifest(repository.tag("1.0"))
        again = await remote.manifest(repository.tag("1.0"))
        by_digest = await remote.manifest(repository.at(index.digest))
        assert index == again == by_digest
        assert app.count("GET", "manifests/") == 1
        assert app.count("HEAD", "manifests/") == 3, "each time the registry is asked what is there and may be read"
        app.expect("HEAD", "manifests/", status(404), times=10)
        app.expect("GET", "manifests/", status(404), times=10)
        with pytest.raises(NotFound):
            await remote.manifest(repository.at(index.digest))


async def test_what_one_identity_has_read_is_asked_for_again_by_another(
    counted: tuple[FaultyRegistry, str], tmp_path: Path
) -> None:
    app, host = counted
    async with RegistryClient() as client:
        for name in ("me", "you"):
            keychain = StaticKeychain(Credentials(name, "pass-word"))
            remote = client.remote(Access(Endpoint.parse(host), keychain))
            repository = Repository.parse("team/app", remote.registry)
            await push_sample(remote, repository, tmp_path, "1.0")
            await remote.manifest(repository.tag("1.0"))
    assert app.count("GET", "manifests/") == 2


async def refuses_mounts(behind: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    act = status(403) if b"mount=" in scope["query_string"] else None
    await (act(behind, scope, receive, send) if act else behind(scope, receive, send))


async def test_many_small_layers_of_a_new_repository_are_sent_without_looking_for_each(
    counted: tuple[FaultyRegistry, str], tmp_path: Path
) -> None:
    app, host = counted
    await asyncio.to_thread(write_image, tmp_path / "image", 12, 1000)
    async with RegistryClient() as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        repository = Repository.parse("team/app", remote.registry)
        await push_sample(remote, repository, tmp_path, "1.0")
        assert app.count("HEAD", "/blobs/") == 0
        assert app.count("PUT", "/blobs/uploads") == 13
        said = await push_sample(remote, repository, tmp_path, "1.1")
        assert all("already there" in line for line in said[:-1])
        assert app.count("PUT", "/blobs/uploads") == 13


async def test_a_layer_that_another_repository_has_is_mounted_instead_of_uploaded(
    counted: tuple[FaultyRegistry, str], tmp_path: Path
) -> None:
    app, host = counted
    async with RegistryClient() as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        first, second, third = (Repository.parse(f"team/{name}", remote.registry) for name in ("a", "b", "c"))
        await push_sample(remote, first, tmp_path, "1.0")
        uploads = app.count("PUT", "blobs/uploads")
        said = await push_sample(remote, second, tmp_path, "1.0")
        assert app.count("PUT", "blobs/uploads") == uploads, "no bytes moved"
        assert any(f"mounted from {first}" in line for line in said)
        app.expect("POST", "blobs/uploads", refuses_mounts, times=100)
        await push_sample(remote, third, tmp_path, "1.0")
        manifest = await remote.manifest(third.tag("1.0"))
        assert isinstance(manifest, Manifest)
        assert all([await remote.has_blob(third, blob.digest) for blob in manifest.blobs])
        assert app.count("PUT", "blobs/uploads") == uploads + 2, "a refused mount is an upload"
