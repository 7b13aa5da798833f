"""Ping: is a registry there, and does it let us in?"""

from __future__ import annotations

import httpx

from registry.exchange import Ask
from registry.limits import LARGEST_ERROR_BODY
from registry.translation import Purpose, media_type_of, not_a_registry
from registry.transport import Transport

_VERSION_HEADER = "Docker-Distribution-Api-Version"


async def ping(transport: Transport) -> None:
    """`GET /v2/` (OCI distribution-spec, «Determining Support»). Raises a RegistryError.

    The version header proves a registry but is not demanded: the specification has dropped it.
    """
    ask = Ask(f"find a registry at {transport.access.endpoint}", "GET", "/v2/")
    response, body = await transport.read(ask, LARGEST_ERROR_BODY)
    if _VERSION_HEADER not in response.headers and not _looks_like_an_answer(response, body):
        raise not_a_registry(Purpose(ask.action, response.url.netloc.decode()), f"a page of {media_type_of(response)}")


def _looks_like_an_answer(response: httpx.Response, body: bytes) -> bool:
    return not body.strip() or body.strip().startswith(b"{") or "json" in response.headers.get("Content-Type", "")
