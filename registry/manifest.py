"""Manifests and indexes, parsed once; the raw bytes are kept, and the digest is always theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry import media_types
from registry.descriptor import Descriptor, Platform
from registry.errors import InvalidManifest, InvalidName
from registry.names import Digest

LARGEST_MANIFEST = 8 * 1024 * 1024
"""Bytes; larger manifests are refused, as registries themselves do (4 MiB is what they must take)."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image manifest: one config, layers, and perhaps the subject that it refers to."""

    raw: bytes = field(repr=False)
    media_type: str
    digest: Digest
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of these very bytes."""
        return Descriptor(self.media_type, self.digest, len(self.raw))

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers, each digest once, in the order of the manifest."""
        return tuple({blob.digest: blob for blob in (self.config, *self.layers)}.values())


@dataclass(frozen=True, slots=True)
class Index:
    """An image index (or Docker manifest list): manifests by platform, perhaps nested."""

    raw: bytes = field(repr=False)
    media_type: str
    digest: Digest
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of these very bytes."""
        return Descriptor(self.media_type, self.digest, len(self.raw))


def parse_manifest(raw: bytes, media_type: str = "", source: str = "it") -> Manifest | Index:
    """Parse a manifest or an index. `source` says in errors where the bytes came from.

    The body's own `mediaType` wins over the given one (a `Content-Type` header is often wrong).
    Raises InvalidManifest.
    """
    if len(raw) > LARGEST_MANIFEST:
        raise _invalid(source, f"it has {len(raw)} bytes, more than the limit of {LARGEST_MANIFEST}")
    body = _json_object(raw, source)
    media_type = _media_type(body, media_type, source)
    digest = Digest.of(raw)
    try:
        subject = _descriptor(body["subject"]) if body.get("subject") else None
        annotations = _annotations(body.get("annotations"))
        if media_type in media_types.INDEXES:
            manifests = tuple(_descriptor(item) for item in _list(body.get("manifests")))
            return Index(raw, media_type, digest, manifests, subject, annotations)
        return Manifest(
            raw,
            media_type,
            digest,
            config=_descriptor(body["config"]),
            layers=tuple(_descriptor(item) for item in _list(body.get("layers"))),
            subject=subject,
            artifact_type=_text(body.get("artifactType", "")),
            annotations=annotations,
        )
    except InvalidName as error:
        raise _invalid(source, error.cause) from error
    except KeyError as error:
        raise _invalid(source, f"it has no {error.args[0]}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise _invalid(source, f"one of its fields is of the wrong type ({error})") from error


def _json_object(raw: bytes, source: str) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _invalid(source, "it is not JSON") from error
    if not isinstance(body, dict):
        raise _invalid(source, "it is not a JSON object")
    return body


def _media_type(body: dict[str, Any], given: str, source: str) -> str:
    own = body.get("mediaType")
    media_type = own if own and isinstance(own, str) else given.partition(";")[0].strip()
    if media_type in media_types.SCHEMA_1 or body.get("schemaVersion") == 1:
        raise InvalidManifest(
            f"read the manifest of {source}",
            "it is of Docker's schema 1, which registries and engines have given up",
            "Push the image again with a current tool.",
        )
    if media_type in media_types.INDEXES or media_type in media_types.MANIFESTS:
        return media_type
    if "manifests" in body:
        return media_types.OCI_INDEX
    if "config" in body:
        return media_types.OCI_MANIFEST
    raise _invalid(source, f"its media type is {media_type or 'missing'}, which is no image manifest or index")


def _descriptor(item: Any) -> Descriptor:
    size = item["size"]
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"size {size!r}")
    return Descriptor(
        media_type=_text(item.get("mediaType", "")),
        digest=Digest.parse(_text(item["digest"])),
        size=size,
        annotations=_annotations(item.get("annotations")),
        platform=_platform(item.get("platform")),
        artifact_type=_text(item.get("artifactType", "")),
        urls=tuple(_text(url) for url in _list(item.get("urls"))),
    )


def _platform(item: Any) -> Platform | None:
    if item is None:
        return None
    return Platform(
        os=_text(item.get("os", "")),
        architecture=_text(item.get("architecture", "")),
        variant=_text(item.get("variant", "")),
        os_version=_text(item.get("os.version", "")),
    )


def _annotations(value: Any) -> dict[str, str]:
    return {_text(key): _text(text) for key, text in (value or {}).items()}


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"{type(value).__name__} instead of a list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a string")
    return value


def _invalid(source: str, cause: str) -> InvalidManifest:
    return InvalidManifest(f"read the manifest of {source}", cause, "Push the image again, or name another one.")
