"""Logging in when something is wrong: with the challenge, with the token server, with the token."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from deploy.sample_image import write_layout
from plugin.local_registry.app import create_local_registry
from plugin.local_registry.server import running
from registry.client import RegistryClient
from registry.credentials import Credentials, StaticKeychain
from registry.descriptor import Platform
from registry.endpoint import Access, Endpoint
from registry.errors import Forbidden, RegistryError
from registry.images.files import open_image
from registry.images.pull import pull_layout
from registry.images.push import push
from registry.limits import Limits
from registry.names import Digest, Repository
from registry.remote import Remote
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real.faulty import Act, FaultyRegistry, status
from tests.real.guarded import Answer, Guarded, guarded_registry, says, says_json, stalls

LOGIN = Credentials("ci-user", "s3cret-word")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Guarded, str]]:
    with guarded_registry(tmp_path / "registry") as both:
        yield both


@pytest.fixture
def server(guarded: tuple[Guarded, str]) -> Guarded:
    return guarded[0]


def client_with(**limits: float) -> RegistryClient:
    return RegistryClient(Limits(tag_list_age=0, **limits), Retry(attempts=3, sleep=no_sleep))  # type: ignore[arg-type]


@pytest.fixture
async def remote(guarded: tuple[Guarded, str]) -> AsyncIterator[Remote]:
    async with client_with(token=0.5) as client:
        yield client.remote(Access(Endpoint.parse(guarded[1]), StaticKeychain(LOGIN)))


async def push_sample(remote: Remote, folder: Path, path: str = "team/app") -> Repository:
    repository = Repository.parse(path, remote.registry)
    if not (folder / "image").exists():
        await asyncio.to_thread(write_layout, folder / "image")
    async with open_image(folder / "image", folder) as source:
        await push(source, remote, repository, ["1.0"], lambda line: None)
    return repository


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (stalls(), "did not answer in time"),
        (says(200, b"<html>", content_type="text/html"), "without a token"),
        (says(200, b"[" * 100_000), "without a token"),
        (says_json({"token": "a\r\nX-Injected: 1"}), "without a token"),
        (says_json({"token": "ä"}), "without a token"),
        (says_json({"token": "x" * 2_000_000}), "without end"),
        (says(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "s3cret-word is wrong"}]}'), "401.*\\*\\*\\*"),
        (says(403), "403"),
        (says(404), "404"),
        (says(302, location="http://169.254.169.254/"), "302"),
        (says(500), "500"),
    ],
)
async def test_a_token_server_that_fails_is_named_and_asked_again_next_time(
    answer: Answer, words: str, remote: Remote, server: Guarded
) -> None:
    server.answers = [answer] * 3
    host = server.realm.split("/")[2]
    with pytest.raises(RegistryError, match=words) as caught:
        await remote.ping()
    assert host in str(caught.value) or "token server" in str(caught.value)
    assert "s3cret-word" not in str(caught.value)
    server.answers = []
    await remote.ping()


@pytest.mark.parametrize("answer", [says(429, retry_after="1"), says(503), says(502), says(504)])
async def test_a_passing_fault_of_the_token_server_is_survived(answer: Answer, remote: Remote, server: Guarded) -> None:
    server.answers = [answer, answer]
    await remote.ping()
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("challenge", "words"),
    [
        ('Bearer realm="not an address"', "address"),
        ('Bearer realm="file:///etc/passwd"', "without http or https"),
        ('Bearer realm="http://user:pass@127.0.0.1/token"', "user name inside"),
        ('Bearer service="s"', "401"),
        ("Bearer", "401"),
        ("Negotiate", "401"),
        ('Digest realm="x", nonce="y"', "401"),
    ],
)
async def test_a_challenge_that_can_not_be_answered_is_told_and_not_remembered(
    challenge: str, words: str, remote: Remote, server: Guarded
) -> None:
    server.challenge = challenge
    with pytest.raises(RegistryError, match=words):
        await remote.ping()
    server.challenge = Guarded.challenge
    await remote.ping()


async def test_of_several_challenges_the_one_that_sends_no_password_to_the_registry_is_answered(
    remote: Remote, server: Guarded
) -> None:
    server.challenge = f'Negotiate, Basic realm="x, y", {Guarded.challenge}'
    await remote.ping()
    assert len(server.asked) == 1


async def test_a_scope_that_the_registry_demands_is_asked_for_once_and_remembered(
    remote: Remote, server: Guarded, tmp_path: Path
) -> None:
    server.demanded = "registry:catalog:*"
    repository = await push_sample(remote, tmp_path)
    refused, asked = server.refused, len(server.asked)
    for _ in range(3):
        await remote.resolve(repository.tag("1.0"))
    assert (server.refused, len(server.asked)) in ((refused, asked), (refused + 1, asked + 1))
    assert "registry:catalog:*" in server.asked[-1].scopes


async def test_a_demand_that_no_token_meets_is_an_error_after_one_more_try(remote: Remote, server: Guarded) -> None:
    server.demanded = "repository:x:pull"
    server.answers = [says_json({"token": "never-good"})] * 5
    with pytest.raises(RegistryError, match="401.*did not accept the credentials of ci-user"):
        await remote.ping()
    assert server.refused == 2


async def test_a_token_that_ends_in_the_midst_of_the_work_is_renewed(
    remote: Remote, server: Guarded, tmp_path: Path
) -> None:
    server.uses_per_token = 5
    repository = await push_sample(remote, tmp_path)
    said: list[str] = []
    await pull_layout(remote, repository.tag("1.0"), tmp_path / "out", Platform("linux", "amd64"), said.append)
    assert len(said) == 2
    assert len(server.asked) > 2


async def test_many_who_need_a_token_ask_for_it_once(remote: Remote, server: Guarded, tmp_path: Path) -> None:
    repository = await push_sample(remote, tmp_path)
    before = len(server.asked)
    await asyncio.gather(*(remote.has_blob(repository, blob) for blob in [await digest_in(remote, repository)] * 50))
    assert len(server.asked) - before <= 1


async def digest_in(remote: Remote, repository: Repository) -> Digest:
    return (await remote.manifest(repository.tag("1.0"))).digest


async def test_an_identity_token_is_posted_and_stands_in_no_address(guarded: tuple[Guarded, str]) -> None:
    server, host = guarded
    async with client_with() as client:
        keychain = StaticKeychain(Credentials("<token>", identity_token="1dentity"))
        await client.remote(Access(Endpoint.parse(host), keychain)).ping()
    (asked,) = server.asked
    assert asked.method == "POST"
    assert asked.authorization == ""
    assert asked.form["refresh_token"] == ["1dentity"]
    assert asked.form["grant_type"] == ["refresh_token"]


@dataclass
class Renewing:
    """A keychain whose first login has expired in the registry's eyes."""

    logins: list[Credentials]
    forgotten: list[Credentials] = field(default_factory=list)
    identity: str = "renewing"

    async def resolve(self, repository: Repository | None, host: str) -> Credentials | None:
        return self.logins[0]

    def forget(self, credentials: Credentials) -> None:
        self.forgotten.append(credentials)
        if len(self.logins) > 1:
            self.logins.pop(0)


EXPIRED = status(403, b'{"errors": [{"code": "DENIED", "message": "Your authorization token has expired."}]}')
WANTS_BASIC = status(401, www_authenticate='Basic realm="x"')


async def basic_only(
    behind: FaultyRegistry, good: str, expired: Act, scope: Scope, receive: Receive, send: Send
) -> None:
    sent = dict(scope["headers"]).get(b"authorization", b"").decode()
    if not sent:
        await WANTS_BASIC(behind, scope, receive, send)
    elif base64.b64decode(sent.removeprefix("Basic ")).decode() == good:
        await behind(scope, receive, send)
    else:
        await expired(behind, scope, receive, send)


@pytest.mark.parametrize("refusal", [EXPIRED, WANTS_BASIC])
async def test_a_login_that_expired_early_is_found_anew_once(refusal: Act, tmp_path: Path) -> None:
    behind = FaultyRegistry(create_local_registry(tmp_path / "registry"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await basic_only(behind, "AWS:new", refusal, scope, receive, send)

    with running(app) as host:
        keychain = Renewing([Credentials("AWS", "old"), Credentials("AWS", "new")])
        async with client_with() as client:
            remote = client.remote(Access(Endpoint.parse(host), keychain))
            await push_sample(remote, tmp_path)
        assert keychain.forgotten == [Credentials("AWS", "old")]
        hopeless = Renewing([Credentials("AWS", "old-too")])
        async with client_with() as client:
            with pytest.raises(RegistryError, match="expired|did not accept the credentials of AWS"):
                await client.remote(Access(Endpoint.parse(host), hopeless)).ping()
        assert len(hopeless.forgotten) == 1


async def test_a_403_for_lack_of_rights_is_no_reason_to_log_in_anew(tmp_path: Path) -> None:
    behind = FaultyRegistry(create_local_registry(tmp_path / "registry"))
    denied = status(403, b'{"errors": [{"code": "DENIED", "message": "not yours"}]}')

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await basic_only(behind, "other:x", denied, scope, receive, send)

    with running(app) as host:
        keychain = Renewing([LOGIN])
        async with client_with() as client:
            with pytest.raises(Forbidden, match="not yours.*Allow ci-user"):
                await client.remote(Access(Endpoint.parse(host), keychain)).ping()
    assert keychain.forgotten == []
