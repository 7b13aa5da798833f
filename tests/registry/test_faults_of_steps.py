"""Every step of a registry's work times every fault: survived, or refused in words, and nothing half-done is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.sample_image import write_layout
from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry.client import RegistryClient
from registry.descriptor import Platform
from registry.endpoint import Access, Endpoint
from registry.errors import RegistryError
from registry.images.files import open_image
from registry.images.pull import pull_layout
from registry.images.push import push
from registry.limits import Limits
from registry.names import Repository
from registry.remote import Remote
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real import broken_wire
from tests.real.broken_wire import BrokenWire, relaying, says

PATIENT = Limits(connect=10, idle=10, page=10, commit=10, tag_list_age=0)
QUICK = Limits(connect=0.5, idle=0.4, page=0.4, commit=0.4, tag_list_age=0)
"""For faults that only time ends: the others must not depend on how busy this machine is."""
LASTING = 1000


def answer(status: int, body: bytes = b"", *headers: str) -> broken_wire.Act:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return says("\r\n".join([*lines, "", ""]).encode() + body)


HTML = b"<html><title>Log in</title></html>"
FAULTS: dict[str, broken_wire.Act] = {
    "reset": broken_wire.reset,
    "closed": broken_wire.close,
    "stalled": broken_wire.stall,
    "not HTTP": says(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "cut in its head": says(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "cut in its body": says(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"),
    "401": answer(401, b"", 'WWW-Authenticate: Basic realm="x"'),
    "401 with a broken challenge": answer(401, b"", 'WWW-Authenticate: Bearer realm="::", "'),
    "403": answer(403, b'{"errors": [{"code": "DENIED", "message": "no"}]}'),
    "404": answer(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}'),
    "405": answer(405),
    "416": answer(416),
    "429": answer(429, b"", "Retry-After: 1"),
    "500": answer(500, HTML, "Content-Type: text/html"),
    "502": answer(502),
    "503": answer(503),
    "HTML": answer(200, HTML, "Content-Type: text/html"),
    "204": answer(204),
    "a redirect to itself": answer(307, b"", "Location: /v2/"),
    "a redirect into this machine's files": answer(307, b"", "Location: file:///etc/passwd"),
    "a redirect to nothing": answer(307, b"", "Location: http://[::1"),
    "nested JSON": answer(200, b"[" * 100_000, "Content-Type: application/json"),
}
STEPS = {
    "ping": ("GET", "/v2/$"),
    "list tags": ("GET", "/tags/list"),
    "resolve": ("HEAD", "/manifests/"),
    "read manifest": ("GET", "/manifests/"),
    "read blob": ("GET", "/blobs/sha256"),
    "look for blob": ("HEAD", "/blobs/"),
    "start upload": ("POST", "/blobs/uploads/$"),
    "mount": ("POST", r"/blobs/uploads/\?mount"),
    "send blob": ("PUT", "/blobs/uploads/"),
    "put manifest": ("PUT", "/manifests/"),
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(create_local_registry(tmp_path_factory.mktemp("registry"))) as host:
        yield host


@pytest.fixture
def wire(registry: str) -> Iterator[tuple[BrokenWire, str]]:
    with relaying(registry) as both:
        yield both


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "layout"
    write_layout(folder)
    return folder


@pytest.fixture
async def remote(wire: tuple[BrokenWire, str], fault: str) -> AsyncIterator[Remote]:
    limits = QUICK if fault == "stalled" else PATIENT
    async with RegistryClient(limits, Retry(attempts=2, sleep=no_sleep)) as client:
        yield client.remote(Access(Endpoint.parse(wire[1])))


async def push_image(remote: Remote, path: str, layout: Path) -> Repository:
    repository = Repository.parse(path, remote.registry)
    async with open_image(layout, layout.parent) as source:
        await push(source, remote, repository, ["1.0"], lambda line: None)
    return repository


async def do_everything(remote: Remote, path: str, layout: Path, target: Path) -> None:
    await remote.ping()
    first = await push_image(remote, path, layout)
    await push_image(remote, f"{path}/mounted", layout)
    assert await remote.tags(first) == ["1.0"]
    await pull_layout(remote, first.tag("1.0"), target / "out", Platform("linux", "amd64"), lambda line: None)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_fault_is_survived_or_told(
    step: str, fault: str, remote: Remote, wire: tuple[BrokenWire, str], layout: Path, tmp_path: Path, registry: str
) -> None:
    broken, host = wire
    path = f"steps/{'-'.join(f'{step} {fault}'.lower().split())}".replace("'", "").replace("+", "")
    target = tmp_path / "target"
    target.mkdir()
    broken.expect(*STEPS[step], FAULTS[fault], times=LASTING)
    failed = False
    try:
        async with asyncio.timeout(20):
            await do_everything(remote, path, layout, target)
    except RegistryError as error:
        failed = True
        assert host in str(error)
        assert error.remedy or error.cause, str(error)
        assert len(str(error)) < 1500
        assert [entry.name for entry in target.iterdir()] == []
    assert broken.broken, "the fault was met"
    met = broken.broken
    broken.times = 0
    if failed and step in ("look for blob", "start upload", "send blob", "put manifest"):
        assert await tags_seen_elsewhere(registry, path) == []
    if failed:
        async with RegistryClient(PATIENT, Retry(attempts=2, sleep=no_sleep)) as later:
            await do_everything(later.remote(remote.access), path, layout, target)
    assert (target / "out" / "index.json").is_file()
    assert met < 60, "a lasting fault is not asked for without end"


async def tags_seen_elsewhere(host: str, path: str) -> list[str]:
    async with RegistryClient(PATIENT) as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        try:
            return await remote.tags(Repository.parse(path, remote.registry))
        except RegistryError:
            return []


@pytest.mark.parametrize("fault", ["reset", "closed", "stalled", "cut in its head", "429", "502", "503"])
@pytest.mark.parametrize("step", [step for step, (method, _) in STEPS.items() if method in ("GET", "HEAD")])
async def test_a_passing_fault_of_a_read_is_survived(
    step: str, fault: str, remote: Remote, wire: tuple[BrokenWire, str], layout: Path, tmp_path: Path
) -> None:
    path = f"passing/{'-'.join(f'{step} {fault}'.split())}"
    wire[0].expect(*STEPS[step], FAULTS[fault], times=1)
    await do_everything(remote, path, layout, tmp_path)
    assert wire[0].broken == 1


async def test_a_registry_that_is_not_there_is_named(tmp_path: Path, layout: Path) -> None:
    from tests.real.processes import free_port

    host = f"127.0.0.1:{free_port()}"
    async with RegistryClient(QUICK, Retry(attempts=2, sleep=no_sleep)) as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        for work in (remote.ping(), push_image(remote, "app", layout)):
            with pytest.raises(RegistryError, match=f"{host} refused the connection"):
                await work
