"""What an image says of itself: when it was made, by whom, from what. All of it is untrusted text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.descriptor import Descriptor, Platform
from registry.manifest import Index, Manifest
from registry.names import Digest, Reference
from registry.platforms import ImageConfig, best_match, image_config, leaves_of, parse_time
from registry.remote import Remote

_OCI = "org.opencontainers.image."
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")
_LONGEST_NAME = 255
_LONGEST_COMMENT = 2000
_LINK = re.compile(r"https?://[^\s<>\"']{1,1000}")
_PREFERRED = Platform("linux", "amd64")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a revision shows of an image; empty where the image is silent."""

    digest: Digest
    created: datetime | None
    author: str
    comment: str
    link: str


async def read_facts(remote: Remote, reference: Reference) -> ImageFacts:
    """Read manifest and config. Of an index, linux/amd64 speaks for all, or else its first image."""
    root = await remote.manifest(reference)
    manifest = root if isinstance(root, Manifest) else await _representative(remote, reference, root)
    config = await image_config(remote, reference.repository, manifest) if manifest else ImageConfig()
    notes = {**config.labels, **(manifest.annotations if manifest else {}), **root.annotations}
    return ImageFacts(
        digest=root.digest,
        created=_utc(config.created or parse_time(notes.get(f"{_OCI}created"))),
        author=_clean(notes.get(f"{_OCI}authors") or config.author)[:_LONGEST_NAME],
        comment=_comment(notes),
        link=_link(notes),
    )


async def _representative(remote: Remote, reference: Reference, index: Index) -> Manifest | None:
    leaves: list[Descriptor] = await leaves_of(remote, reference.repository, index)
    chosen = best_match(leaves, _PREFERRED) or next(iter(leaves), None)
    if chosen is None:
        return None
    manifest = await remote.child(reference.repository, chosen.digest)
    return manifest if isinstance(manifest, Manifest) else None


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def _comment(notes: Mapping[str, str]) -> str:
    title = notes.get(f"{_OCI}description") or notes.get(f"{_OCI}title") or ""
    revision = notes.get(f"{_OCI}revision") or ""
    parts = [part for part in (_clean(title), f"Revision {_clean(revision)}" if revision else "") if part]
    return "\n".join(parts)[:_LONGEST_COMMENT]


def _link(notes: Mapping[str, str]) -> str:
    for key in ("url", "source"):
        if _LINK.fullmatch(link := notes.get(f"{_OCI}{key}", "").strip()):
            return link
    return ""


def _clean(text: str) -> str:
    return _CONTROL_CHARACTERS.sub(" ", text).strip()
