"""Every step of a registry's work times every fault: survived, or refused in words, and nothing half-done is left."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.sample_image import write_layout
from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry.client import RegistryClient
from registry.descriptor import Platform
from registry.endpoint import Access, Endpoint
from registry.errors import NotFound, RegistryError
from registry.images.files import open_image
from registry.images.pull import pull_layout
from registry.images.push import push
from registry.limits import Limits
from registry.names import Repository
from registry.remote import Remote
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real import broken_wire
from tests.real.broken_wire import Act, BrokenWire, relaying, says
from tests.real.processes import free_port

PATIENT = Limits(connect=10, idle=10, page=10, commit=10, tag_list_age=0)
QUICK = Limits(connect=0.3, idle=0.2, page=0.2, commit=0.2, tag_list_age=0)
"""For faults that only time ends: the others must not depend on how busy this machine is."""
LASTING = 1000
DEAD = f"127.0.0.1:{free_port()}"


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


HTML = b"<html><title>Log in</title></html>"
INDEX = b'{"schemaVersion": 2, "manifests": []}'
WRONG_DIGEST = ("Content-Type: application/vnd.oci.image.index.v1+json", f"Docker-Content-Digest: sha256:{'0' * 64}")
FAULTS: dict[str, tuple[Act | bytes, str]] = {
    "reset": (broken_wire.reset, "cut the connection"),
    "closed": (broken_wire.close, "cut the connection"),
    "stalled": (broken_wire.stall, "did not answer in time|stopped taking"),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "does not answer in HTTP"),
    "cut in its head": (b"HTTP/1.1 200 OK\r\nContent-Le", "cut the connection|does not answer in HTTP"),
    "cut in its body": (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{", "cut the connection|200"),
    "longer than it says": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n<html>", "not answer in HTTP|1 bytes|200"),
    "401": (answer(401, b"", 'WWW-Authenticate: Basic realm="x"'), "401 Unauthorized.*user name and a password"),
    "401 with a broken challenge": (answer(401, b"", 'WWW-Authenticate: Bearer realm="::", "'), "401|address"),
    "401 of a dead token server": (answer(401, b"", f'WWW-Authenticate: Bearer realm="http://{DEAD}/"'), DEAD),
    "403": (answer(403, b'{"errors": [{"code": "DENIED", "message": "no"}]}'), "403 Forbidden.*Allow anonymous"),
    "404": (answer(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}'), "404 Not Found.*typing mistake"),
    "405": (answer(405), "405 Method Not Allowed.*only be read"),
    "416": (answer(416), "416.*log of the registry"),
    "429": (answer(429, b"", "Retry-After: 1"), "429 Too Many Requests.*rate limit"),
    "500": (answer(500, HTML, "Content-Type: text/html"), "500 Internal Server Error.*look into its log"),
    "502": (answer(502), "502 Bad Gateway"),
    "503": (answer(503), "503 Service Unavailable"),
    "504": (answer(504), "504 Gateway Timeout"),
    "HTML": (answer(200, HTML, "Content-Type: text/html"), "HTML|html|200|34 bytes"),
    "nothing": (answer(200), "0 bytes|200|where .* was due"),
    "204": (answer(204), "204"),
    "another's digest": (answer(200, INDEX, *WRONG_DIGEST), "sha256:0000|37 bytes|200|where .* was due"),
    "a redirect to another page": (answer(307, b"", "Location: /v2/"), "307|redirects|2 bytes|where .* was due"),
    "a redirect to itself": (answer(307, b"", "Location: ?"), "more than 5 redirects|307"),
    "a redirect to nobody": (answer(307, b"", f"Location: http://{DEAD}/"), f"{DEAD} refused the connection|307"),
    "a redirect into this machine's files": (answer(307, b"", "Location: file:///etc/passwd"), "without http|307"),
    "a redirect to no address": (answer(307, b"", "Location: http://[::1"), "no address|307"),
    "nested JSON": (answer(200, b"[" * 100_000), "100000 bytes|200|more than|where .* was due"),
}
SECOND_HAND = "MANIFEST_BLOB_UNKNOWN"
"""What a registry says of the manifest when it has lied about a blob before."""


def act_of(fault: str, method: str) -> Act:
    act = FAULTS[fault][0]
    if not isinstance(act, bytes):
        return act
    head, end, body = act.partition(b"\r\n\r\n")
    return says(head + end + (b"" if method == "HEAD" else body))


@dataclass
class Job:
    """The client's work, of which a step is a part."""

    remote: Remote
    path: str
    layout: Path
    target: Path

    @property
    def repository(self) -> Repository:
        return Repository.parse(self.path, self.remote.registry)

    async def ping(self) -> None:
        await self.remote.ping()

    async def list(self) -> None:
        assert await self.remote.tags(Repository.parse("there", self.remote.registry)) == ["1.0"]

    async def pull(self, path: str = "there") -> None:
        reference = Repository.parse(path, self.remote.registry).tag("1.0")
        await pull_layout(self.remote, reference, self.target / "out", Platform("linux", "amd64"), lambda line: None)
        blobs = list((self.target / "out" / "blobs" / "sha256").iterdir())
        assert len(blobs) > 2
        assert all(hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name for blob in blobs)

    async def push(self) -> None:
        await push_image(self.remote, self.path, self.layout)

    async def push_twice(self) -> None:
        await push_image(self.remote, self.path, self.layout)
        await push_image(self.remote, f"{self.path}/mounted", self.layout)


async def push_image(remote: Remote, path: str, layout: Path) -> None:
    async with open_image(layout, layout.parent) as source:
        await push(source, remote, Repository.parse(path, remote.registry), ["1.0"], lambda line: None)


Work = Callable[[Job], Awaitable[None]]
STEPS: dict[str, tuple[str, str, Work]] = {
    "ping": ("GET", "/v2/$", Job.ping),
    "list tags": ("GET", "/tags/list", Job.list),
    "resolve": ("HEAD", "/manifests/", Job.pull),
    "read manifest": ("GET", "/manifests/", Job.pull),
    "read blob": ("GET", "/blobs/sha256", Job.pull),
    "look for blob": ("HEAD", "/blobs/", Job.push),
    "start upload": ("POST", "/blobs/uploads/$", Job.push),
    "send blob": ("PUT", "/blobs/uploads/", Job.push),
    "put manifest": ("PUT", "/manifests/", Job.push),
    "mount": ("POST", r"/blobs/uploads/\?mount", Job.push_twice),
}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "layout"
    write_layout(folder)
    return folder


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, layout: Path) -> Iterator[str]:
    async def prepare(host: str) -> None:
        async with RegistryClient(PATIENT) as client:
            await push_image(client.remote(Access(Endpoint.parse(host))), "there", layout)

    with running(create_local_registry(tmp_path_factory.mktemp("registry"))) as host:
        asyncio.run(prepare(host))
        yield host


@pytest.fixture
def wire(registry: str) -> Iterator[tuple[BrokenWire, str]]:
    with relaying(registry) as both:
        yield both


@pytest.fixture
async def job(
    wire: tuple[BrokenWire, str], request: pytest.FixtureRequest, layout: Path, tmp_path: Path
) -> AsyncIterator[Job]:
    limits = QUICK if "stalled" in request.node.name else PATIENT
    target = tmp_path / "target"
    target.mkdir()
    path = "steps/" + re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    async with RegistryClient(limits, Retry(attempts=2, sleep=no_sleep)) as client:
        yield Job(client.remote(Access(Endpoint.parse(wire[1]))), path, layout, target)


async def tags_in(host: str, path: str) -> list[str]:
    """As another client sees them, who asks the registry itself."""
    async with RegistryClient(PATIENT) as client:
        remote = client.remote(Access(Endpoint.parse(host)))
        try:
            return await remote.tags(Repository.parse(path, remote.registry))
        except NotFound:
            return []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_fault_is_survived_or_told(
    step: str, fault: str, job: Job, wire: tuple[BrokenWire, str], registry: str
) -> None:
    (broken, host), (method, path, work), words = wire, STEPS[step], FAULTS[fault][1]
    broken.expect(method, path, act_of(fault, method), times=LASTING)
    try:
        async with asyncio.timeout(20):
            await work(job)
    except RegistryError as error:
        assert re.search(f"{words}|{SECOND_HAND}" if step == "look for blob" else words, str(error)), str(error)
        assert host in str(error)
        assert error.remedy, str(error)
        assert len(str(error)) < 800
        assert step != "mount", "what can't be mounted is uploaded"
        assert list(job.target.iterdir()) == []
        assert await tags_in(registry, job.path) == []
    assert 0 < broken.broken < 60, "the fault was met, and a lasting one is not asked for without end"
    broken.times = 0
    # What the client has learned from the fault is not in the way, nor is what it may have left.
    await work(job)
    if work in (Job.push, Job.push_twice):
        await job.pull(job.path)


@pytest.mark.parametrize("fault", ["reset", "closed", "stalled", "cut in its head", "429", "502", "503", "504"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_passing_fault_is_survived(step: str, fault: str, job: Job, wire: tuple[BrokenWire, str]) -> None:
    method, path, work = STEPS[step]
    wire[0].expect(method, path, act_of(fault, method), times=1)
    await work(job)
    assert wire[0].broken == 1


@pytest.mark.parametrize("step", STEPS)
async def test_a_registry_that_goes_away_is_named(step: str, job: Job, wire: tuple[BrokenWire, str]) -> None:
    (broken, host), (method, path, work) = wire, STEPS[step]
    broken.expect(method, path, broken.goes_away, times=1)
    with pytest.raises(RegistryError, match=f"{host} (refused|cut) the connection.*that the registry is up"):
        await work(job)
    assert list(job.target.iterdir()) == []
