"""Referrers: what refers to a digest (OCI distribution-spec, «Listing Referrers»)."""

from __future__ import annotations

import json

from registry import media_types
from registry.errors import NotFound
from registry.exchange import Ask
from registry.manifest import LARGEST_MANIFEST, Index, Manifest, parse_manifest
from registry.manifests import get
from registry.names import Digest, Repository
from registry.scope import Scope
from registry.transport import Transport

_EMPTY = json.dumps({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": []}).encode()


async def list_referrers(transport: Transport, repository: Repository, digest: Digest, artifact_type: str) -> Index:
    """Ask the referrers API, and where there is none the tag that stands for it. Raises a RegistryError."""
    ask = Ask(
        f"list what refers to {repository.at(digest)}",
        "GET",
        f"/v2/{repository.path}/referrers/{digest}",
        (Scope.pull(repository),),
        {"Accept": media_types.OCI_INDEX},
    )
    try:
        response, raw = await transport.read(ask, LARGEST_MANIFEST)
        found = parse_manifest(raw, response.headers.get("Content-Type", ""), f"the referrers of {digest}")
    except NotFound:
        found = await _by_tag(transport, repository, digest)
    return _of_type(found, artifact_type) if isinstance(found, Index) else _of_type(_empty(), artifact_type)


async def _by_tag(transport: Transport, repository: Repository, digest: Digest) -> Manifest | Index:
    try:
        return await get(transport, repository.tag(f"{digest.algorithm}-{digest.hex}"[:128]))
    except NotFound:
        return _empty()


def _empty() -> Index:
    index = parse_manifest(_EMPTY, media_types.OCI_INDEX)
    assert isinstance(index, Index)  # noqa: S101
    return index


def _of_type(index: Index, artifact_type: str) -> Index:
    if not artifact_type:
        return index
    chosen = tuple(item for item in index.manifests if item.artifact_type == artifact_type)
    return Index(index.raw, index.media_type, index.digest, chosen, index.subject, index.annotations)
