"""What the client survives, and what it refuses in words; and that nothing half-done is left."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.sample_image import write_layout
from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry.client import RegistryClient
from registry.content import OpenContent
from registry.descriptor import Descriptor, Platform
from registry.endpoint import Access, Endpoint
from registry.errors import ContentMismatch, NotARegistry, RegistryError, TagConflict, TimedOut
from registry.images.files import open_image
from registry.images.pull import pull_layout
from registry.images.push import push
from registry.limits import Limits
from registry.names import Digest, Repository
from registry.remote import Remote
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real.faulty import (
    Act,
    FaultyRegistry,
    corrupted,
    cut_after,
    cut_upload_after,
    stalled,
    status,
    with_header,
    without_range,
)

MIB = 1024 * 1024
BLOB = os.urandom(3 * MIB)
DESCRIPTOR = Descriptor("application/vnd.oci.image.layer.v1.tar", Digest.of(BLOB), len(BLOB))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[FaultyRegistry, str]]:
    faulty = FaultyRegistry(create_local_registry(tmp_path / "registry"))
    with running(faulty) as host:
        yield faulty, host


@pytest.fixture
def faults(registry: tuple[FaultyRegistry, str]) -> FaultyRegistry:
    return registry[0]


@pytest.fixture
def remote(registry: tuple[FaultyRegistry, str], client: RegistryClient) -> Remote:
    return client.remote(Access(Endpoint.parse(registry[1])))


@pytest.fixture
def repository(remote: Remote) -> Repository:
    return Repository.parse("team/app", remote.registry)


def content(data: bytes) -> OpenContent:
    return lambda offset: io.BytesIO(data[offset:])


async def push_sample(remote: Remote, repository: Repository, folder: Path, *tags: str) -> Descriptor:
    layout = folder / "image"
    await asyncio.to_thread(write_layout, layout)
    async with open_image(layout, folder) as source:
        return await push(source, remote, repository, tags, lambda line: None)


async def read(remote: Remote, repository: Repository) -> bytes:
    return await remote.read_blob(repository, DESCRIPTOR)


@pytest.mark.parametrize("code", [429, 502, 503, 504])
async def test_a_passing_fault_of_a_read_is_survived(
    code: int, faults: FaultyRegistry, remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    await push_sample(remote, repository, tmp_path, "1.0")
    faults.expect("GET", "tags/list", status(code, retry_after="1"), times=2)
    assert await remote.tags(repository) == ["1.0"]
    assert faults.count("GET", "tags/list") == 3


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (status(500), RegistryError, "500"),
        (status(503), RegistryError, "503"),
        (status(403, b'{"errors": [{"code": "DENIED", "message": "not yours"}]}'), RegistryError, "DENIED: not yours"),
        (status(200, b"<html>", content_type="text/html"), NotARegistry, "instead of a list of tags"),
        (status(200), NotARegistry, "0 bytes"),
        (status(200, b'{"tags": 5}'), NotARegistry, "instead of a list of tags"),
        (status(200, b"x" * (33 * MIB)), NotARegistry, "more than"),
        (status(200, b'{"tags": []}', link='<?n=1&last=a>; rel="next"'), NotARegistry, "lead back"),
        (status(429, retry_after="100000"), RegistryError, "rate limit"),
    ],
)
async def test_a_lasting_fault_of_a_listing_is_an_error_and_never_a_part_of_it(
    act: Act, kind: type[RegistryError], words: str, faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    faults.expect("GET", "tags/list", act, times=100)
    with pytest.raises(kind, match=words):
        await remote.tags(repository)


async def test_a_registry_that_refuses_large_pages_is_asked_for_smaller_ones(
    faults: FaultyRegistry, remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    await push_sample(remote, repository, tmp_path, "1", "2")
    faults.expect("GET", "tags/list", status(400))
    assert await remote.tags(repository) == ["1", "2"]


@pytest.mark.parametrize("link", ["</prefix/v2/team/app/tags/list?n=1&last=1>; rel=next", '<?last=1>; rel="next"'])
async def test_a_link_that_lost_or_gained_a_prefix_is_followed(
    link: str, faults: FaultyRegistry, remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    await push_sample(remote, repository, tmp_path, "1", "2")
    faults.expect("GET", "tags/list", status(200, b'{"tags": []}', link=link))
    assert await remote.tags(repository) == ["2"]


@pytest.mark.parametrize("cut", [1, MIB, 2 * MIB + 17])
async def test_a_download_that_is_cut_goes_on_where_it_was(
    cut: int, faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
    faults.expect("GET", "blobs/sha256", cut_after(cut))
    assert await read(remote, repository) == BLOB
    assert faults.count("GET", "blobs/sha256") == 2


async def test_a_registry_without_range_sends_it_all_again(
    faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
    faults.expect("GET", "blobs/sha256", cut_after(MIB))
    faults.expect("GET", "blobs/sha256", without_range())
    assert await read(remote, repository) == BLOB


async def test_a_wrong_part_is_found_out(faults: FaultyRegistry, remote: Remote, repository: Repository) -> None:
    await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
    faults.expect("GET", "blobs/sha256", cut_after(MIB))
    faults.expect("GET", "blobs/sha256", status(206, b"x", content_range="bytes 5-5/9"))
    with pytest.raises(ContentMismatch, match="bytes from 5"):
        await read(remote, repository)


async def test_content_that_was_changed_on_its_way_is_found_out(
    faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
    faults.expect("GET", "blobs/sha256", corrupted(), times=100)
    with pytest.raises(ContentMismatch, match="its bytes have the digest"):
        await read(remote, repository)


@pytest.mark.parametrize("cut", [MIB, 2 * MIB + 17])
async def test_an_upload_that_is_cut_goes_on_where_it_was(
    cut: int, faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    faults.expect("PUT", "blobs/uploads", cut_upload_after(cut))
    await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
    assert await read(remote, repository) == BLOB
    assert faults.count("GET", "blobs/uploads") == 1, "its state was asked for"
    assert faults.count("POST", "blobs/uploads") == 1, "in the same session"


async def test_an_upload_whose_session_was_lost_starts_again(
    faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    faults.expect("PUT", "blobs/uploads", status(404, b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN"}]}'))
    await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
    assert await read(remote, repository) == BLOB
    assert faults.count("POST", "blobs/uploads") == 2


@pytest.mark.parametrize(
    "state",
    [
        status(404),
        status(405),
        status(200, b"<html>", content_type="text/html"),
        status(204, location="file:///etc/passwd", range="0-99"),
        status(204),
        with_header("Range", f"0-{'9' * 5000}"),
        with_header("Range", "bytes=5-²"),
        with_header("Range", f"0-{4 * MIB}"),
    ],
)
async def test_an_upload_whose_state_is_not_told_starts_again(
    state: Act, faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    faults.expect("PUT", "blobs/uploads", cut_upload_after(MIB))
    faults.expect("GET", "blobs/uploads", state)
    await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
    assert await read(remote, repository) == BLOB
    assert faults.count("POST", "blobs/uploads") <= 2


@pytest.mark.parametrize("times", [1, 100])
async def test_a_401_in_mid_upload_is_tried_once_more(
    times: int, faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    faults.expect("PUT", "blobs/uploads", status(401, www_authenticate='Basic realm="x"'), times)
    if times == 1:
        await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
        assert await read(remote, repository) == BLOB
    else:
        with pytest.raises(RegistryError, match="401"):
            await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
        assert faults.count("PUT", "blobs/uploads") == 2


async def test_an_upload_that_arrived_without_an_answer_is_done(
    faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    async def swallowed(behind: object, scope: object, receive: object, send: object) -> None:
        async def nothing(message: object) -> None:
            pass

        await faults.behind(scope, receive, nothing)  # type: ignore[arg-type]
        await status(502)(faults.behind, {}, _nothing_more, send)  # type: ignore[arg-type]

    faults.expect("PUT", "blobs/uploads", swallowed)
    await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
    assert faults.count("PUT", "blobs/uploads") == 1


async def _nothing_more() -> dict[str, object]:
    return {"type": "http.request"}


async def test_an_upload_that_fails_for_good_gives_its_session_up(
    faults: FaultyRegistry, remote: Remote, repository: Repository
) -> None:
    faults.expect("PUT", "blobs/uploads", status(503), times=100)
    with pytest.raises(RegistryError, match="503"):
        await remote.push_blob(repository, DESCRIPTOR, content(BLOB))
    assert faults.count("DELETE", "blobs/uploads") >= 1


@pytest.mark.parametrize("step", [("HEAD", "blobs/"), ("POST", "uploads/"), ("PUT", "uploads/"), ("PUT", "manifests/")])
@pytest.mark.parametrize("code", [401, 403, 500])
async def test_a_push_that_fails_at_any_step_leaves_nothing_under_the_tag(
    step: tuple[str, str], code: int, faults: FaultyRegistry, remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    faults.expect(*step, status(code), times=100)
    with pytest.raises(RegistryError, match=str(code)):
        await push_sample(remote, repository, tmp_path, "1.0")
    faults.faults.clear()
    with pytest.raises(RegistryError, match="404"):
        await remote.resolve(repository.tag("1.0"))
    await push_sample(remote, repository, tmp_path, "1.0")
    assert await remote.tags(repository) == ["1.0"]


@pytest.mark.parametrize("step", ["manifests/", "blobs/"])
@pytest.mark.parametrize("act", [lambda: status(403), corrupted, lambda: status(200, b"<html>")])
async def test_a_fetch_that_fails_leaves_no_file(
    step: str, act: Callable[[], Act], faults: FaultyRegistry, remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    await push_sample(remote, repository, tmp_path, "1.0")
    faults.expect("GET", step, act(), times=100)
    target = tmp_path / "target"
    target.mkdir()
    platform = Platform("linux", "amd64")
    with pytest.raises(RegistryError):
        await pull_layout(remote, repository.tag("1.0"), target / "out", platform, lambda line: None)
    assert list(target.iterdir()) == []


async def test_an_immutable_tag_takes_the_same_digest_and_refuses_another(
    client: RegistryClient, tmp_path: Path
) -> None:
    with running(create_local_registry(tmp_path / "registry", immutable_tags=True)) as host:
        remote = client.remote(Access(Endpoint.parse(host)))
        repository = Repository.parse("team/app", remote.registry)
        first = await push_sample(remote, repository, tmp_path, "1.0")
        await push_sample(remote, repository, tmp_path, "1.0")
        await asyncio.to_thread(write_layout, tmp_path / "other", "another\n")
        async with open_image(tmp_path / "other", tmp_path) as source:
            with pytest.raises(TagConflict, match=f"it names {first.digest}, and sha256:") as caught:
                await push(source, remote, repository, ["1.0"], lambda line: None)
        assert str(source.root.digest) in str(caught.value)


async def test_a_registry_that_says_nothing_is_given_up(registry: tuple[FaultyRegistry, str]) -> None:
    faulty, host = registry
    faulty.expect("GET", "/v2/", stalled(2), times=100)
    async with RegistryClient(Limits(page=0.2), Retry(attempts=2, sleep=no_sleep)) as client:
        with pytest.raises(TimedOut, match="did not answer in time"):
            await client.remote(Access(Endpoint.parse(host))).ping()


async def test_a_redirect_gets_no_credentials_of_ours(
    faults: FaultyRegistry, client: RegistryClient, registry: tuple[FaultyRegistry, str], tmp_path: Path
) -> None:
    from registry.credentials import Credentials, StaticKeychain

    seen: list[dict[bytes, bytes]] = []

    async def elsewhere(scope: dict[str, object], receive: object, send: Callable[[object], object]) -> None:
        seen.append(dict(scope["headers"]))  # type: ignore[call-overload]
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[misc]
        await send({"type": "http.response.body", "body": BLOB})  # type: ignore[misc]

    with running(elsewhere) as other:  # type: ignore[arg-type]
        access = Access(Endpoint.parse(registry[1]), StaticKeychain(Credentials("ci", "s3cret-word")))
        remote = client.remote(access)
        repository = Repository.parse("team/app", remote.registry)
        faults.expect("GET", "blobs/", status(401, www_authenticate='Basic realm="x"'))
        faults.expect("GET", "blobs/", status(307, location=f"http://{other}/blob"))
        assert await read(remote, repository) == BLOB
    assert len(seen) == 1
    assert b"authorization" not in seen[0]
