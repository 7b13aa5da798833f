"""Names: registry, repository, tag, digest and reference, parsed once into immutable values.

The grammar is the OCI distribution-spec's («Pulling manifests») and the reference grammar that
container tools share: a first path component with a dot, a colon or the word `localhost` is a
registry, everything else belongs to Docker Hub unless a default registry is given.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from registry.errors import InvalidName

DOCKER_HUB = "docker.io"
_DOCKER_HUB_ALIASES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})

_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
)
_PATH_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY_PATH = re.compile(rf"{_PATH_COMPONENT}(?:/{_PATH_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST_HEX_LENGTH = {"sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+")
_LONGEST_REPOSITORY_PATH = 255


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry by name: `host` or `host:port`. Docker Hub's aliases are all `docker.io`."""

    host: str

    @classmethod
    def parse(cls, text: str) -> Registry:
        """Parse `host[:port]`. Raises InvalidName."""
        if not _HOST.fullmatch(text):
            raise InvalidName(
                f"read the registry name «{text}»",
                "it is not a host name with an optional port",
                "Write it like registry.example.com or registry.example.com:5000.",
            )
        host = text.lower()
        return cls(DOCKER_HUB if host in _DOCKER_HUB_ALIASES else host)

    @property
    def is_docker_hub(self) -> bool:
        """Whether this is Docker Hub, which adds `library/` to one-word repositories."""
        return self.host == DOCKER_HUB

    def __str__(self) -> str:
        return self.host


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository: a path within a registry, such as `team/app`."""

    registry: Registry
    path: str

    @classmethod
    def parse(cls, text: str, default_registry: Registry | None = None) -> Repository:
        """Parse `[registry/]path` without tag or digest. Raises InvalidName."""
        registry, path = _split_registry(text, default_registry)
        if registry.is_docker_hub and path and "/" not in path:
            path = f"library/{path}"
        if len(path) > _LONGEST_REPOSITORY_PATH or not _REPOSITORY_PATH.fullmatch(path):
            raise InvalidName(f"read the repository name «{text}»", _why_no_repository(path), _REPOSITORY_REMEDY)
        return cls(registry, path)

    def tag(self, tag: str) -> Reference:
        """The reference of a tag in this repository. Raises InvalidName."""
        return Reference(self, tag=parse_tag(tag))

    def at(self, digest: Digest) -> Reference:
        """The reference of a digest in this repository."""
        return Reference(self, digest=digest)

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


_REPOSITORY_REMEDY = (
    "Use lower-case letters, digits and the separators . _ - inside components, with / between them, like team/app."
)


def _why_no_repository(path: str) -> str:
    if not path:
        return "it is empty"
    if len(path) > _LONGEST_REPOSITORY_PATH:
        return f"it is longer than {_LONGEST_REPOSITORY_PATH} characters"
    if path != path.lower():
        return "repository names are lower case"
    return "it has characters that a repository name can't have"


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of exact bytes: `algorithm:hex` (OCI image-spec, «Digests»)."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Parse `sha256:…` or `sha512:…`. Raises InvalidName."""
        algorithm, _, encoded = text.partition(":")
        if _DIGEST_HEX_LENGTH.get(algorithm) != len(encoded) or not _HEX.fullmatch(encoded):
            raise InvalidName(
                f"read the digest «{text[:160]}»",
                "it is not a sha256 or sha512 digest",
                "A digest is sha256: and 64 lower-case hexadecimal digits.",
            )
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, content: bytes) -> Digest:
        """The sha256 digest of these bytes."""
        return cls("sha256", hashlib.sha256(content).hexdigest())

    def hasher(self) -> hashlib._Hash:
        """A new hash object of this digest's algorithm."""
        return hashlib.new(self.algorithm)

    def matches(self, content: bytes) -> bool:
        """Whether these bytes have this digest."""
        return hashlib.new(self.algorithm, content).hexdigest() == self.hex

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A manifest's name in a repository: a tag, a digest, or both (then the digest wins)."""

    repository: Repository
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str, default_registry: Registry | None = None) -> Reference:
        """Parse `[registry/]path[:tag][@digest]`; without either the tag is `latest`. Raises InvalidName."""
        rest, at, digest_text = text.partition("@")
        digest = Digest.parse(digest_text) if at else None
        name, tag = _split_tag(rest)
        repository = Repository.parse(name, default_registry)
        if tag is not None:
            tag = parse_tag(tag)
        elif digest is None:
            tag = "latest"
        return cls(repository, tag, digest)

    @property
    def identifier(self) -> str:
        """What stands in a manifest's URL: the digest if there is one, the tag otherwise."""
        return str(self.digest) if self.digest else (self.tag or "latest")

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


def parse_tag(text: str) -> str:
    """Return the text if it is a tag. Raises InvalidName."""
    if not _TAG.fullmatch(text):
        raise InvalidName(
            f"read the tag «{text[:160]}»",
            "a tag has 1 to 128 letters, digits, underscores, dots and dashes, and starts with none of the last two",
            "Write it like 1.4.2 or main-3f2a1c.",
        )
    return text


def has_registry(name: str) -> bool:
    """Whether an image name starts with a registry (`host.name/`, `host:port/`, `localhost/`)."""
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def _split_registry(text: str, default: Registry | None) -> tuple[Registry, str]:
    if has_registry(text):
        host, _, path = text.partition("/")
        return Registry.parse(host), path
    return default or Registry(DOCKER_HUB), text


def _split_tag(text: str) -> tuple[str, str | None]:
    name, colon, tag = text.rpartition(":")
    if colon and "/" not in tag:
        return name, tag
    return text, None
