"""What answers a registry's challenge, and what is remembered of it: on a registry that is a function."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field

import httpx
import pytest

from registry.credentials import Credentials, StaticKeychain
from registry.endpoint import Endpoint
from registry.errors import RegistryError
from registry.exchange import Ask
from registry.names import Repository
from registry.scope import Scope
from registry.transport import Transport
from tests.registry.in_memory import ENDPOINT, resolving, response, transport_of

LOGIN = StaticKeychain(Credentials("ci-user", "s3cret-word"))
BASIC = "Basic " + base64.b64encode(b"ci-user:s3cret-word").decode()


@dataclass
class Guard:
    """A registry that wants what its challenge says, and its token servers."""

    challenge: str
    wanted: str = ""
    """A scope that tokens must have."""
    dead: set[str] = field(default_factory=set)
    """Hosts that refuse connections."""
    refused: int = 0
    asked: list[httpx.URL] = field(default_factory=list)
    """For tokens."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in self.dead:
            raise httpx.ConnectError("refused")
        if request.url.path.endswith("/token"):
            self.asked.append(request.url)
            scopes = "+".join(request.url.params.get_list("scope"))
            return response(200, {}, json.dumps({"token": f"{request.url.host}|{scopes}"}).encode(), request)
        header = request.headers.get("Authorization", "")
        if self._is_good(header):
            return response(200, {}, b"{}", request)
        self.refused += 1
        return response(401, {"WWW-Authenticate": self.challenge}, b"", request)

    def _is_good(self, header: str) -> bool:
        if not header or self.challenge.startswith("Basic"):
            return header == BASIC
        realm = httpx.URL(self.challenge.split('"')[1])
        return header.startswith(f"Bearer {realm.host}|") and self.wanted in header


def bearer(host: str) -> str:
    return f'Bearer realm="https://{host}/token",service="s"'


async def ask(transport: Transport, path: str = "team/app") -> None:
    scopes = (Scope.pull(Repository(ENDPOINT.registry, path)),)
    await transport.read(Ask("try", "GET", f"/v2/{path}/tags/list", scopes))


@pytest.fixture
def guard() -> Guard:
    return Guard(bearer("auth.example.com"))


@pytest.fixture
def transport(guard: Guard) -> Transport:
    return transport_of(guard.answer, keychain=LOGIN)


async def test_a_demanded_scope_costs_one_refusal_and_is_remembered_per_scope(
    guard: Guard, transport: Transport
) -> None:
    await ask(transport)
    guard.wanted = "registry:catalog:*"
    guard.challenge += ',scope="registry:catalog:*",error="insufficient_scope"'
    refused = guard.refused
    for _ in range(3):
        await ask(transport)
    assert (guard.refused - refused, len(guard.asked)) == (1, 2)
    assert guard.asked[-1].params.get_list("scope") == ["registry:catalog:*", "repository:team/app:pull"]


async def test_fifty_who_come_at_once_cost_one_token(guard: Guard, transport: Transport) -> None:
    await asyncio.gather(*(ask(transport) for _ in range(50)))
    assert len(guard.asked) == 1


async def test_a_token_server_that_moved_is_found_by_the_next_request(guard: Guard, transport: Transport) -> None:
    await ask(transport)
    guard.challenge, guard.dead = bearer("new.example.com"), {"auth.example.com"}
    # The token for another repository is still asked for where the last challenge said.
    with pytest.raises(RegistryError, match=r"auth\.example\.com refused the connection"):
        await ask(transport, "team/other")
    await ask(transport, "team/other")
    assert guard.asked[-1].host == "new.example.com"


async def test_a_registry_that_changes_its_kind_of_login_is_followed(guard: Guard, transport: Transport) -> None:
    for challenge in (bearer("auth.example.com"), 'Basic realm="x"', bearer("auth.example.com")):
        guard.challenge = challenge
        await ask(transport)


@pytest.mark.parametrize(
    ("realm", "words"),
    [
        ("http://auth.example.com/token", "https to plain http"),
        ("https://10.1.2.3/token", "into a private network"),
        ("https://127.0.0.1:8443/token", "into a private network"),
        ("https://metadata.example.com/token", "into a private network"),
        ("https://user:pass@cdn.example.com/token", "user name inside"),
        ("https://cdn.example.com/token\x7fX", "no address"),
        ("https://nat64.example.com/token", "into a private network"),
        ("//token", "without http or https"),
        ("", "401"),
    ],
)
async def test_a_public_registry_may_not_name_any_token_server(
    realm: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch)
    guard = Guard(f'Bearer realm="{realm}"')
    transport = transport_of(guard.answer, Endpoint.parse("https://registry.example.com"), LOGIN)
    with pytest.raises(RegistryError, match=words) as caught:
        await ask(transport)
    assert "registry.example.com" in str(caught.value)
    assert guard.asked == []


@pytest.mark.parametrize("echoed", ["header", "password"])
@pytest.mark.parametrize("challenge", [bearer("auth.example.com"), 'Basic realm="x"'])
async def test_what_was_sent_to_log_in_is_never_repeated(echoed: str, challenge: str) -> None:
    guard = Guard(challenge)

    def answer(request: httpx.Request) -> httpx.Response:
        sent = request.headers.get("Authorization")
        if not sent or request.url.path.endswith("/token"):
            return guard.answer(request)
        said = f"who sent {sent}?" if echoed == "header" else "s3cret-word is wrong"
        body = json.dumps({"errors": [{"code": "DENIED", "message": said}]}).encode()
        return response(403, {}, body, request)

    with pytest.raises(RegistryError, match=r"403.*\*\*\*") as caught:
        await ask(transport_of(answer, keychain=LOGIN))
    for secret in ("s3cret-word", BASIC.split()[1], "auth.example.com|"):
        assert secret not in str(caught.value)


async def test_what_was_sent_to_a_token_server_is_never_repeated() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/token"):
            return response(401, {"WWW-Authenticate": bearer("auth.example.com")}, b"", request)
        body = json.dumps({"errors": [{"code": "DENIED", "message": request.headers["Authorization"]}]}).encode()
        return response(403, {}, body, request)

    with pytest.raises(RegistryError, match=r"auth\.example\.com answered 403.*\*\*\*") as caught:
        await ask(transport_of(answer, keychain=LOGIN))
    assert BASIC.split()[1] not in str(caught.value)
