"""Platforms: which manifest of an index an operating system and architecture get, and what its config says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry.descriptor import Descriptor, Platform
from registry.errors import InvalidManifest, PlatformNotFound
from registry.manifest import Index, Manifest
from registry.media_types import INDEXES
from registry.names import Reference, Repository
from registry.remote import Remote

_DEEPEST_NESTING = 4
_EPOCH_YEAR = 1970
_BASE_VARIANTS = {"arm64": ("", "v8"), "amd64": ("", "v1"), "arm": ("v7", "v6", "v5", "")}


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image's config says of the image; empty where it is silent."""

    created: datetime | None = None
    author: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None


async def select(remote: Remote, reference: Reference, platform: Platform) -> Manifest:
    """Follow indexes to the platform's manifest; a plain manifest is itself. Raises PlatformNotFound."""
    found = await remote.manifest(reference)
    return found if isinstance(found, Manifest) else await select_from(remote, reference.repository, found, platform)


async def select_from(remote: Remote, repository: Repository, index: Index, platform: Platform) -> Manifest:
    """The platform's manifest in an index that was read already. Raises PlatformNotFound."""
    leaves = await leaves_of(remote, repository, index)
    chosen = best_match(leaves, platform)
    if chosen is None:
        there = ", ".join(sorted({str(leaf.platform) for leaf in leaves if leaf.platform})) or "none named"
        raise PlatformNotFound(
            f"find {platform} in {repository.at(index.digest)}",
            f"the image has these platforms: {there}",
            "Name one of them as Platform, or build the image for this one too.",
        )
    manifest = await remote.child(repository, chosen.digest)
    if isinstance(manifest, Index):
        raise InvalidManifest(f"read {chosen.digest} of {repository}", "it is an index where a manifest was named")
    return manifest


async def leaves_of(remote: Remote, repository: Repository, index: Index, depth: int = 1) -> list[Descriptor]:
    """The manifests of an index and of the indexes in it, without attestations. Raises InvalidManifest."""
    if depth > _DEEPEST_NESTING:
        raise InvalidManifest(
            f"read {repository.at(index.digest)}", f"its indexes nest more than {_DEEPEST_NESTING} deep"
        )
    leaves: list[Descriptor] = []
    for item in index.manifests:
        if item.media_type in INDEXES:
            nested = await remote.child(repository, item.digest)
            if isinstance(nested, Index):
                leaves += await leaves_of(remote, repository, nested, depth + 1)
        elif not is_attestation(item):
            leaves.append(item)
    return leaves


def is_attestation(item: Descriptor) -> bool:
    """Whether an index's entry is a build attestation rather than an image."""
    unknown = item.platform is not None and item.platform.is_unknown
    return unknown or "vnd.docker.reference.type" in item.annotations


def best_match(leaves: list[Descriptor], platform: Platform) -> Descriptor | None:
    """The entry for a platform: the exact variant, then its base variants, then one without platform if it is alone."""
    for variant in _variants(platform):
        for leaf in leaves:
            there = leaf.platform
            if there and (there.os, there.architecture, there.variant) == (
                platform.os,
                platform.architecture,
                variant,
            ):
                return leaf
    same = [
        leaf
        for leaf in leaves
        if leaf.platform and (leaf.platform.os, leaf.platform.architecture) == (platform.os, platform.architecture)
    ]
    if len(same) == 1 and not platform.variant:
        return same[0]
    return leaves[0] if len(leaves) == 1 and leaves[0].platform is None else None


def _variants(platform: Platform) -> list[str]:
    bases = _BASE_VARIANTS.get(platform.architecture, ("",))
    if not platform.variant:
        return list(dict.fromkeys(("", *bases)))
    if platform.variant in bases:
        return [platform.variant, *bases[bases.index(platform.variant) + 1 :], *(("",) if "" in bases else ())]
    return [platform.variant, *bases]


async def image_config(remote: Remote, repository: Repository, manifest: Manifest) -> ImageConfig:
    """What the config says. An artifact's config (a Helm chart's, say) says nothing that we read."""
    return parse_config(await remote.read_blob(repository, manifest.config))


def parse_config(raw: bytes) -> ImageConfig:
    """Parse a config; fields of the wrong type count as missing, since configs are whatever a build wrote."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return ImageConfig()
    if not isinstance(body, dict):
        return ImageConfig()
    inner = body.get("config")
    labels = inner.get("Labels") if isinstance(inner, dict) else None
    return ImageConfig(
        created=parse_time(body.get("created")),
        author=body["author"] if isinstance(body.get("author"), str) else "",
        labels=_texts(labels),
        platform=_config_platform(body),
    )


def parse_time(value: Any) -> datetime | None:
    """Read an RFC 3339 time; None for anything else, and for the zero dates of reproducible builds."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None or moment.year <= _EPOCH_YEAR:
        return None
    return moment


def _config_platform(body: dict[str, Any]) -> Platform | None:
    os, architecture, variant = (body.get(key) or "" for key in ("os", "architecture", "variant"))
    if isinstance(os, str) and isinstance(architecture, str) and os and architecture:
        return Platform(os, architecture, variant if isinstance(variant, str) else "")
    return None


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if isinstance(key, str) and isinstance(text, str)}
