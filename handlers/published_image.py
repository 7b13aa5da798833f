"""What the metadata of an artifact says was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handlers.errors import ConfigurationInvalid
from registry.errors import InvalidName
from registry.names import Digest, Reference, Registry

_ACTION = "fetch the artifact"
_PUBLISH_AGAIN = "Run the publishing job again: it records what to fetch."


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """An image in the store's registry."""

    image: str
    """The name and tag as published."""
    reference: Reference
    """Its repository, tag and digest."""

    @property
    def by_digest(self) -> Reference:
        """Its repository and digest."""
        return Reference(self.reference.repository, digest=self.reference.digest)


def read_metadata(metadata: Mapping[str, object] | None, registry: Registry) -> PublishedImage:
    """Read what publish recorded (or the old plugin, which knew only image and digest). Raises ConfigurationInvalid."""
    if not metadata:
        raise ConfigurationInvalid(_ACTION, "it has no metadata: nothing was published", _PUBLISH_AGAIN)
    image, digest = _text(metadata, "image"), _text(metadata, "digest")
    try:
        named = Reference.parse(image, registry)
        reference = Reference(named.repository, named.tag, Digest.parse(digest))
    except InvalidName as error:
        raise ConfigurationInvalid(_ACTION, f"its metadata can't be read: {error.cause}", _PUBLISH_AGAIN) from error
    if reference.repository.registry != registry:
        raise ConfigurationInvalid(
            f"fetch {image}",
            f"it was published to {reference.repository.registry}, and the artifact store's registry is {registry}",
            "Use the store that it was published with, or publish it again.",
        )
    return PublishedImage(image, reference)


def _text(metadata: Mapping[str, object], key: str) -> str:
    value = metadata.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationInvalid(_ACTION, f"its metadata has no {key}", _PUBLISH_AGAIN)
    return value.strip()
