"""Revisions of a package: its newest tag, or one tag's digest; never anything older than what is known."""

from __future__ import annotations

import asyncio

from handlers.context import Context
from handlers.image_facts import read_facts
from handlers.package_target import PackageTarget, newest_or_fail
from registry.names import Digest
from registry.versions import matching, natural_key, newest
from schemas.package import NoChange, PackageRequest, PackageRevision, PackageSinceRequest, PreviousRevision


async def latest_revision(request: PackageRequest, context: Context) -> PackageRevision:
    """`latest-revision`. Raises ConfigurationInvalid when no tag counts, or another RegistryError."""
    target = PackageTarget.of(request, context.client)
    tag = target.tag
    if not tag:
        tags = await target.remote.tags(target.repository)
        tag = newest_or_fail(target, await asyncio.to_thread(matching, tags, target.tag_filter), len(tags))
    return await _revision(target, tag, context)


async def latest_revision_since(request: PackageSinceRequest, context: Context) -> PackageRevision | NoChange:
    """`latest-revision-since`; `{}` when nothing is newer. Raises a RegistryError when that can't be known."""
    target = PackageTarget.of(request, context.client)
    tag = target.tag or await _newest_tag(target)
    if tag is None or not await _is_newer(target, tag, request.previous):
        return NoChange()
    return await _revision(target, tag, context)


async def _newest_tag(target: PackageTarget) -> str | None:
    tags = await target.remote.tags(target.repository)
    return newest(await asyncio.to_thread(matching, tags, target.tag_filter))


async def _is_newer(target: PackageTarget, tag: str, previous: PreviousRevision) -> bool:
    """Whether a tag is news; costs a request only where the same tag may have been pushed again."""
    known_tag, _, known_digest = previous.revision.partition("@")
    if tag != known_tag:
        return bool(target.tag) or natural_key(tag) > natural_key(known_tag)
    if not target.tracks_digest:
        return False
    digest = (await target.remote.resolve(target.reference(tag))).digest
    return str(digest) != (known_digest or (previous.data or {}).get("DIGEST"))


async def _revision(target: PackageTarget, tag: str, context: Context) -> PackageRevision:
    facts = await read_facts(target.remote, target.reference(tag))
    moment = (facts.created or context.now()).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return PackageRevision(
        revision=f"{tag}@{facts.digest}" if target.tracks_digest else tag,
        timestamp=moment,
        user=facts.author,
        revision_comment=facts.comment,
        trackback_url=facts.link,
        data=_data(target, tag, facts.digest),
    )


def _data(target: PackageTarget, tag: str, digest: Digest) -> dict[str, str]:
    return {
        "TAG": tag,
        "DIGEST": str(digest),
        "IMAGE": f"{target.repository}:{tag}",
        "REFERENCE": str(target.repository.at(digest)),
    }
