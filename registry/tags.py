"""Tags: every page, or an error (OCI distribution-spec, «Listing Tags»)."""

from __future__ import annotations

import re

import httpx
from pydantic import BaseModel, ValidationError

from registry import metrics
from registry.errors import NotARegistry, NotFound, RegistryError, RequestRefused
from registry.exchange import Ask
from registry.limits import LARGEST_TAGS_PAGE
from registry.names import Repository
from registry.scope import Scope
from registry.translation import Purpose, media_type_of, not_a_registry
from registry.transport import Transport

_PAGE_SIZES = (1000, 100, None)
"""Tags asked for per page; the next is tried when a registry refuses one (Quay takes at most 100)."""
_MOST_PAGES = 20_000
_NEXT_LINK = re.compile(r"""<([^<>]*)>(?:\s*;[^,<]*?)?;\s*rel\s*=\s*"?next"?""", re.IGNORECASE)
_LARGEST_LISTING = 512 * 1024 * 1024
"""Bytes of all pages: what a registry that never ends may cost."""
_REMEDY = "Look at proxies and caches in between, or into the registry's log."
_REFUSED_SIZE = frozenset({400, 405, 422})


class TagsPage(BaseModel):
    """One page; some registries write null for no tags, but none leaves them out: that is another answer."""

    tags: list[str] | None


async def list_tags(transport: Transport, repository: Repository) -> list[str]:
    """List all tags. Raises a RegistryError for a missing repository, and for any page that does not come."""
    for size in _PAGE_SIZES:
        try:
            found = await _all_pages(transport, repository, size)
        except RequestRefused as error:
            if size is None or error.status not in _REFUSED_SIZE:
                raise
        else:
            metrics.TAGS.labels(transport.access.registry.host).inc(len(found))
            return found
    raise AssertionError("the last size either returns or raises")


async def is_known(transport: Transport, repository: Repository) -> bool:
    """Whether the registry knows the repository; where it does not say, it counts as known."""
    ask = Ask(f"look for {repository}", "GET", f"/v2/{repository.path}/tags/list?n=1", (Scope.push(repository),))
    try:
        await transport.read(ask, LARGEST_TAGS_PAGE)
    except NotFound:
        return False
    except RegistryError:
        return True
    return True


async def _all_pages(transport: Transport, repository: Repository, size: int | None) -> list[str]:
    path = f"/v2/{repository.path}/tags/list"
    address: str | None = f"{path}?n={size}" if size else path
    found: dict[str, None] = {}
    seen: set[str] = set()
    size_so_far = 0
    for _ in range(_MOST_PAGES):
        if address is None:
            return list(found)
        if address in seen:
            raise _broken(transport, repository, "its pages lead back to one that was read already")
        seen.add(address)
        page, response = await _page(transport, repository, address)
        found.update(dict.fromkeys(page))
        size_so_far += response.num_bytes_downloaded
        if size_so_far > _LARGEST_LISTING:
            raise _broken(transport, repository, f"it has more than {_LARGEST_LISTING} bytes")
        address = _next_page(response, repository, path)
    raise _broken(transport, repository, f"it has more than {_MOST_PAGES} pages")


async def _page(transport: Transport, repository: Repository, address: str) -> tuple[list[str], httpx.Response]:
    ask = Ask(f"list the tags of {repository}", "GET", address, (Scope.pull(repository),))
    response, body = await transport.read(ask, LARGEST_TAGS_PAGE)
    try:
        return TagsPage.model_validate_json(body).tags or [], response
    except ValidationError as error:
        came = f"{len(body)} bytes ({media_type_of(response)}) instead of a list of tags"
        raise not_a_registry(Purpose(ask.action, response.url.netloc.decode()), came) from error


def _next_page(response: httpx.Response, repository: Repository, path: str) -> str | None:
    link = _NEXT_LINK.search(", ".join(response.headers.get_list("Link")))
    if link is None:
        return None
    try:
        target = response.url.join(link[1].strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise NotARegistry(
            f"list the tags of {repository}", "the registry's link to the next page is no address", _REMEDY
        ) from error
    # Only the cursor is the registry's; path and host are ours, as proxies in between drop prefixes and rename hosts.
    return f"{path}?{target.query.decode()}"


def _broken(transport: Transport, repository: Repository, cause: str) -> RegistryError:
    return NotARegistry(
        f"list the tags of {repository}", f"{transport.access.registry} never ends the listing: {cause}", _REMEDY
    )
