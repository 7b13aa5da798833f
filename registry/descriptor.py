"""Descriptors and platforms (OCI image-spec, «Content Descriptors», «Image Index»)."""

from __future__ import annotations

import platform as machine
from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.errors import InvalidName
from registry.names import Digest

_ARCHITECTURE_OF_MACHINE = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i686": "386",
    "i386": "386",
}
_VARIANT_OF_MACHINE = {"armv7l": "v7", "armv6l": "v6"}


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system, an architecture and perhaps a variant: `linux/arm64/v8`."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Parse `os/architecture[/variant]`. Raises InvalidName."""
        parts = text.strip().lower().split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise InvalidName(
                f"read the platform «{text}»",
                "a platform is an operating system and an architecture",
                "Write it like linux/amd64 or linux/arm/v7.",
            )
        return cls(*parts)

    @classmethod
    def of_this_machine(cls) -> Platform:
        """The platform whose images this machine runs (containers are Linux even on other hosts)."""
        name = machine.machine().lower()
        system = "windows" if machine.system() == "Windows" else "linux"
        return cls(system, _ARCHITECTURE_OF_MACHINE.get(name, name), _VARIANT_OF_MACHINE.get(name, ""))

    @property
    def is_unknown(self) -> bool:
        """Whether this is the `unknown/unknown` that build attestations carry."""
        return self.os == "unknown" or self.architecture == "unknown"

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a piece of content is: its media type, its digest and its size in bytes."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    platform: Platform | None = None
    artifact_type: str = ""
    urls: tuple[str, ...] = ()
