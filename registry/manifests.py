"""Manifests over the wire: resolved, read and written by tag or digest."""

from __future__ import annotations

import httpx

from registry import media_types
from registry.descriptor import Descriptor
from registry.errors import ContentMismatch, InvalidName, NotFound, RequestRefused, TagConflict
from registry.exchange import Ask, number
from registry.manifest import LARGEST_MANIFEST, Index, Manifest, parse_manifest
from registry.names import Digest, Reference, Repository
from registry.scope import Scope
from registry.translation import Purpose, not_a_registry
from registry.transport import Transport

_ACCEPT = {"Accept": ", ".join(media_types.ACCEPTED)}
_DIGEST_HEADER = "Docker-Content-Digest"
_IMMUTABLE_CODES = ("TAG_INVALID", "ImageTagAlreadyExistsException", "PRECONDITION", "DENIED", "MANIFEST_INVALID")
_MAYBE_IMMUTABLE = frozenset({400, 403, 405, 409, 412})


async def resolve(transport: Transport, reference: Reference) -> Descriptor:
    """HEAD, and GET where the answer lacks the digest or the error its detail. Raises a RegistryError."""
    ask = _ask("HEAD", reference)
    try:
        response, _ = await transport.read(ask)
    except RequestRefused as error:
        if error.status in (httpx.codes.UNAUTHORIZED, httpx.codes.TOO_MANY_REQUESTS):
            raise
        return (await get(transport, reference)).descriptor
    descriptor = _described(response, reference)
    return descriptor or (await get(transport, reference)).descriptor


def _described(response: httpx.Response, reference: Reference) -> Descriptor | None:
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
    size = number(response.headers.get("Content-Length", ""))
    known = media_type in media_types.INDEXES or media_type in media_types.MANIFESTS
    if not known or not 0 < size <= LARGEST_MANIFEST or not response.headers.get(_DIGEST_HEADER):
        return None
    try:
        digest = Digest.parse(response.headers[_DIGEST_HEADER])
    except InvalidName:
        return None
    if reference.digest and reference.digest != digest:
        return None
    return Descriptor(media_type, digest, size)


async def get(transport: Transport, reference: Reference) -> Manifest | Index:
    """GET, verified against the wanted digest or the one that the registry names. Raises a RegistryError."""
    ask = _ask("GET", reference)
    response, raw = await transport.read(ask, LARGEST_MANIFEST)
    content_type = response.headers.get("Content-Type", "")
    if "html" in content_type:
        raise not_a_registry(Purpose(ask.action, response.url.netloc.decode()), "a page of HTML")
    wanted = reference.digest or _named_digest(response)
    if wanted and not wanted.matches(raw):
        raise ContentMismatch(
            f"verify the manifest of {reference}",
            f"the registry sent {Digest.of(raw)} where {wanted} was due",
            "The registry or something between is damaging content; look at proxies and caches.",
        )
    return parse_manifest(raw, content_type, str(reference))


def _named_digest(response: httpx.Response) -> Digest | None:
    try:
        return Digest.parse(response.headers.get(_DIGEST_HEADER, ""))
    except InvalidName:
        return None


def _ask(method: str, reference: Reference) -> Ask:
    return Ask(
        f"read the manifest of {reference}",
        method,
        f"/v2/{reference.repository.path}/manifests/{reference.identifier}",
        (Scope.pull(reference.repository),),
        _ACCEPT,
    )


async def put(transport: Transport, repository: Repository, manifest: Manifest | Index, tag: str | None) -> None:
    """PUT the raw bytes. Raises TagConflict, ContentMismatch or another RegistryError."""
    reference = repository.tag(tag) if tag else repository.at(manifest.digest)
    ask = Ask(
        f"put the manifest of {reference}",
        "PUT",
        f"/v2/{repository.path}/manifests/{reference.identifier}",
        (Scope.push(repository),),
        {"Content-Type": manifest.media_type},
        manifest.raw,
        frozenset({200, 201, 202}),
    )
    try:
        response, _ = await transport.read(ask)
    except RequestRefused as error:
        if tag is None or error.status not in _MAYBE_IMMUTABLE:
            raise
        await _settle_conflict(transport, reference, manifest, error)
        return
    named = _named_digest(response)
    if named and named.algorithm == manifest.digest.algorithm and named != manifest.digest:
        raise ContentMismatch(
            ask.action, f"the registry stored {named} where {manifest.digest} was sent", "Look at proxies in between."
        )


async def _settle_conflict(
    transport: Transport, reference: Reference, manifest: Manifest | Index, refusal: RequestRefused
) -> None:
    try:
        present = await resolve(transport, reference)
    except NotFound:
        raise refusal from None
    if present.digest == manifest.digest:
        return
    if not any(_speaks_of_immutability(item.code, item.message) for item in refusal.diagnostics):
        raise refusal
    raise TagConflict(
        refusal.action,
        f"the tag can't be changed: it names {present.digest}, and {manifest.digest} was to be put there",
        "Publish under another tag, or allow tags of this repository to change.",
    ) from refusal


def _speaks_of_immutability(code: str, message: str) -> bool:
    return code in _IMMUTABLE_CODES or "immutable" in message.lower() or "already exists" in message.lower()
