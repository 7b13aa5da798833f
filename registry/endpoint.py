"""Where a registry is reached, and how: address, TLS, and whose credentials."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from registry.credentials import ANONYMOUS, Keychain, fingerprint
from registry.errors import InvalidName
from registry.names import Registry

_DOCKER_HUB_API = "registry-1.docker.io"
_IGNORED_PATHS = frozenset({"", "/", "/v1", "/v1/", "/v2", "/v2/"})
_REMEDY = "Write it like https://registry.example.com or registry.example.com:5000."


@dataclass(frozen=True, slots=True)
class TLS:
    """How a registry's TLS is checked: extra CA certificates and a client certificate (PEM), or no check at all."""

    ca_certificates: str = ""
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    verify: bool = True

    @property
    def identity(self) -> str:
        """What stands for these settings in a cache key."""
        return fingerprint(self.ca_certificates, self.client_certificate, self.client_key, str(self.verify))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registry's name and the base URL of its API, without a path: `https://host[:port]`."""

    registry: Registry
    url: str

    @classmethod
    def parse(cls, address: str) -> Endpoint:
        """Parse a registry's address: `[http[s]://]host[:port]`, with `/v1/` or `/v2/` tolerated at its end.

        Without a scheme it is https, but http on loopback, as container tools do. Raises InvalidName.
        """
        text = address.strip()
        if "@" in text:
            # Refused before anything is quoted: a password with a slash would be taken for a path.
            raise InvalidName("read the registry address", "it has a user name or password inside", _REMEDY)
        scheme, separator, rest = text.partition("://")
        if separator and scheme.lower() not in ("http", "https"):
            raise _invalid(text, f"its scheme is {scheme}, not http or https")
        parts = urlsplit(text if separator else f"//{rest or text}")
        if not parts.netloc:
            raise _invalid(text, "it has no host")
        if parts.path not in _IGNORED_PATHS or parts.query or parts.fragment:
            raise _invalid(text, f"it has the path {parts.path or '/'} behind the host")
        return cls.of(Registry.parse(parts.netloc), scheme.lower() if separator else "")

    @classmethod
    def of(cls, registry: Registry, scheme: str = "") -> Endpoint:
        """The endpoint of a registry that is known by its name only."""
        host = _DOCKER_HUB_API if registry.is_docker_hub else registry.host
        return cls(registry, f"{scheme or _default_scheme(host)}://{host}")

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Access:
    """One registry as one identity reaches it: what a client needs to open a Remote."""

    endpoint: Endpoint
    keychain: Keychain = ANONYMOUS
    tls: TLS = field(default_factory=TLS)

    @property
    def registry(self) -> Registry:
        """The registry's name."""
        return self.endpoint.registry

    @property
    def identity(self) -> str:
        """What stands for this access in a cache key."""
        return fingerprint(self.endpoint.url, self.endpoint.registry.host, self.keychain.identity, self.tls.identity)


def _default_scheme(host: str) -> str:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if name == "localhost":
        return "http"
    try:
        return "http" if ipaddress.ip_address(name.strip("[]")).is_loopback else "https"
    except ValueError:
        return "https"


def _invalid(address: str, cause: str) -> InvalidName:
    return InvalidName(f"read the registry address «{address}»", cause, _REMEDY)
