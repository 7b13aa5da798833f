"""Where a registry may send us, in redirects and upload sessions: not where it has no reason to."""

from __future__ import annotations

import io

import httpx
import pytest

from registry import redirects, uploads
from registry.descriptor import Descriptor
from registry.endpoint import Endpoint
from registry.errors import NotARegistry, RegistryError
from registry.names import Digest
from registry.redirects import check_address, check_redirect
from registry.translation import Purpose
from tests.registry.in_memory import LINK_LOCAL, PRIVATE, REPOSITORY, Handler, resolving, response, transport_of

PURPOSE = Purpose("try", "registry.example.com")
PUBLIC_REGISTRY = Endpoint.parse("https://registry.example.com")
BLOB = b"a blob"
DESCRIPTOR = Descriptor("application/octet-stream", Digest.of(BLOB), len(BLOB))


@pytest.fixture
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch)


@pytest.mark.usefixtures("_names")
@pytest.mark.parametrize(
    ("registry", "target", "allowed"),
    [
        ("https://registry.example.com", "https://cdn.example.com/x", True),
        ("https://registry.example.com", "https://inside.example.com/x", True),
        ("http://registry.example.com", "http://inside.example.com/x", False),
        ("https://registry.example.com", "http://cdn.example.com/x", False),
        ("https://registry.example.com", "https://rebound.example.com/x", False),
        ("https://registry.example.com", "https://metadata.example.com/latest/meta-data", False),
        ("https://registry.example.com", "https://v6.example.com/x", False),
        ("https://registry.example.com", "https://nat64.example.com/x", False),
        ("https://registry.example.com", f"https://{PRIVATE}/x", False),
        ("https://registry.example.com", f"http://{LINK_LOCAL}/latest", False),
        ("https://registry.example.com", "https://127.0.0.1:8443/x", False),
        ("https://registry.example.com", "https://[::1]/x", False),
        ("https://registry.example.com", "https://[::ffff:10.0.0.1]/x", False),
        ("https://registry.example.com", "https://[64:ff9b::10.0.0.1]/x", False),
        ("https://registry.example.com", "https://localhost/x", False),
        ("https://registry.example.com", "https://localhost./x", False),
        ("https://registry.example.com", "https://a.localhost/x", False),
        ("https://registry.example.com", "https://user:pass@cdn.example.com/x", False),
        ("https://registry.example.com", "ftp://cdn.example.com/x", False),
        (f"https://{PRIVATE}", "https://127.0.0.1/x", True),
        ("http://127.0.0.1:5000", "http://10.1.2.3/x", True),
    ],
)
async def test_a_public_registry_leads_nobody_into_a_private_network(registry: str, target: str, allowed: bool) -> None:
    endpoint = Endpoint.parse(registry)
    if allowed:
        await check_address(httpx.URL(target), endpoint, PURPOSE, "a redirect")
    else:
        with pytest.raises(NotARegistry, match="a redirect"):
            await check_address(httpx.URL(target), endpoint, PURPOSE, "a redirect")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1"])
async def test_other_spellings_of_this_machine_are_recognized(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redirects, "_known", {"registry.example.com": (float("inf"), [])})
    with pytest.raises(NotARegistry, match="into a private network"):
        await check_redirect(httpx.URL("https://registry.example.com/"), f"https://{host}/", PUBLIC_REGISTRY, PURPOSE)


@pytest.mark.parametrize("host", ["a" * 64 + ".example.com", "a..example.com", ".example.com", "a" * 300])
async def test_a_name_that_can_have_no_address_has_none(host: str) -> None:
    assert await redirects._addresses(host) == []


def session_at(location: str, put: list[httpx.URL]) -> Handler:
    """A registry that starts upload sessions there."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "HEAD":
            return response(404, {}, b"", request)
        if request.method == "POST":
            return response(202, {"Location": location}, b"", request)
        put.append(request.url)
        return response(201, {}, b"", request)

    return handler


@pytest.mark.usefixtures("_names")
@pytest.mark.parametrize(
    "location",
    [
        "https://10.1.2.3/upload",
        "https://metadata.example.com/upload",
        "http://cdn.example.com/upload",
        "https://user:pass@cdn.example.com/upload",
        "file:///etc/passwd",
        "\x7f",
        "",
    ],
)
async def test_an_upload_goes_nowhere_that_a_redirect_would_not_go(location: str) -> None:
    put: list[httpx.URL] = []
    transport = transport_of(session_at(location, put), PUBLIC_REGISTRY)
    with pytest.raises(RegistryError, match=r"registry\.example\.com"):
        await uploads.push(transport, REPOSITORY, DESCRIPTOR, lambda offset: io.BytesIO(BLOB))
    assert put == []


@pytest.mark.usefixtures("_names")
@pytest.mark.parametrize(
    ("location", "goes_to"),
    [
        ("/v2/u/1", "https://registry.example.com/v2/u/1?digest="),
        ("http://registry.example.com/v2/u/1?a=%2F", "https://registry.example.com/v2/u/1?a=%2F&digest="),
        ("https://cdn.example.com/u/1#part", "https://cdn.example.com/u/1?digest="),
        ("?x=1", "https://registry.example.com/v2/team/app/blobs/uploads/?x=1&digest="),
    ],
)
async def test_an_upload_goes_where_its_session_is(location: str, goes_to: str) -> None:
    put: list[httpx.URL] = []
    transport = transport_of(session_at(location, put), PUBLIC_REGISTRY)
    await uploads.push(transport, REPOSITORY, DESCRIPTOR, lambda offset: io.BytesIO(BLOB))
    assert [str(url) for url in put] == [f"{goes_to}{DESCRIPTOR.digest}"]
