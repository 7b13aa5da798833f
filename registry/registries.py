"""What this machine knows of registries: mirrors and insecurity (registries.conf), certificates (certs.d).

The files and their meaning are those of containers-registries.conf(5) and containers-certs.d(5), so that what podman,
skopeo and Docker were told once need not be said again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import structlog
from pydantic import BaseModel, Field, ValidationError

from registry.endpoint import TLS
from registry.errors import InvalidName, MachineMisconfigured
from registry.names import Registry, Repository

log = structlog.get_logger(__name__)

_REMEDY = "Mend the file, or name another one."


class MirrorEntry(BaseModel):
    """One `[[registry.mirror]]`."""

    location: str
    insecure: bool = False
    pull_from_mirror: Literal["all", "digest-only", "tag-only"] | None = Field(default=None, alias="pull-from-mirror")


class RegistryEntry(BaseModel):
    """One `[[registry]]`."""

    prefix: str = ""
    location: str = ""
    insecure: bool = False
    blocked: bool = False
    by_digest_only: bool = Field(default=False, alias="mirror-by-digest-only")
    mirrors: list[MirrorEntry] = Field(default=[], alias="mirror")


class RegistriesFile(BaseModel):
    """The parts of registries.conf that are about where images come from."""

    entries: list[RegistryEntry] = Field(default=[], alias="registry")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A place that may have the same content: a registry and the path below which it keeps it."""

    registry: Registry
    path: str
    insecure: bool = False
    has_tags: bool = False
    """Whether it is believed when it says what a tag names; its content is verified in any case."""

    def repository(self, path: str) -> Repository:
        """What a path below the prefix is called there. Raises InvalidName."""
        return Repository.parse("/".join(part for part in (str(self.registry), self.path, path) if part))


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known of everything below a prefix."""

    prefix: str
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()

    def rest(self, name: str) -> str | None:
        """What follows the prefix in a repository's name; None when it is not below it."""
        if self.prefix.startswith("*."):
            host, _, path = name.partition("/")
            return path if host.endswith(self.prefix[1:]) else None
        if name == self.prefix:
            return ""
        return name.removeprefix(f"{self.prefix}/") if name.startswith(f"{self.prefix}/") else None


@dataclass(frozen=True, slots=True)
class Registries:
    """Rules by prefix, and TLS by host."""

    rules: tuple[Rule, ...] = ()
    tls_by_host: Mapping[str, TLS] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, files: Iterable[Path], certificates: Iterable[Path]) -> Registries:
        """Read files (later ones override a prefix) and certs.d folders (earlier ones win); what is missing is empty.

        Blocks. Raises MachineMisconfigured that names the file.
        """
        rules = {rule.prefix: rule for path in files for rule in _read_rules(path)}
        tls: dict[str, TLS] = {}
        for folder in certificates:
            for host_folder in sorted(folder.iterdir()) if folder.is_dir() else ():
                if certificates_of_host := _read_certificates(host_folder):
                    tls.setdefault(host_folder.name, certificates_of_host)
        # The longest prefix comes first, and so decides.
        return cls(tuple(sorted(rules.values(), key=lambda rule: -len(rule.prefix))), tls)

    def tls(self, registry: Registry, *, insecure: bool = False) -> TLS:
        """How a registry's TLS is checked."""
        known = self.tls_by_host.get(registry.host, TLS())
        rule, _ = self._rule(registry.host)
        verify = not (insecure or (rule and rule.insecure))
        return TLS(known.ca_certificates, known.client_certificate, known.client_key, verify)

    def mirrors(self, repository: Repository) -> list[tuple[Mirror, Repository]]:
        """Where else a repository's content may be had, in order."""
        rule, rest = self._rule(str(repository))
        return [(mirror, mirror.repository(rest)) for mirror in rule.mirrors] if rule else []

    def check_allowed(self, repository: Repository) -> None:
        """Raise InvalidName for a repository that is blocked."""
        rule, _ = self._rule(str(repository))
        if rule and rule.blocked:
            raise InvalidName(
                f"use {repository}", f"registries.conf blocks {rule.prefix}", "Use another registry, or unblock it."
            )

    def _rule(self, name: str) -> tuple[Rule | None, str]:
        for rule in self.rules:
            if (rest := rule.rest(name)) is not None:
                return rule, rest
        return None, ""


def _read_rules(path: Path) -> list[Rule]:
    try:
        body: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return [_rule(entry) for entry in RegistriesFile.model_validate(body).entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise MachineMisconfigured(f"read {path}", error.strerror or "it is not readable", _REMEDY) from error
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise MachineMisconfigured(f"read {path}", f"{place}: {error.errors()[0]['msg']}", _REMEDY) from error
    except InvalidName as error:
        raise MachineMisconfigured(f"read {path}", f"{error.action}: {error.cause}", _REMEDY) from error
    except ValueError as error:
        raise MachineMisconfigured(f"read {path}", str(error), _REMEDY) from error


def _rule(entry: RegistryEntry) -> Rule:
    prefix = entry.prefix or entry.location
    if entry.location not in ("", prefix):
        # Pushes would go to another place than the image's name says. Mirrors do what this is mostly used for.
        log.warning("location in registries.conf not followed", prefix=prefix, location=entry.location)
    mirrors = tuple(_mirror(mirror, by_digest_only=entry.by_digest_only) for mirror in entry.mirrors)
    return Rule(prefix, entry.insecure, entry.blocked, mirrors)


def _mirror(entry: MirrorEntry, *, by_digest_only: bool) -> Mirror:
    host, _, path = entry.location.partition("/")
    # A tag that a mirror answers can't be verified. So only what says «all» itself is believed.
    has_tags = entry.pull_from_mirror in ("all", "tag-only") and not by_digest_only
    return Mirror(Registry.parse(host), path, entry.insecure, has_tags)


def _read_certificates(folder: Path) -> TLS | None:
    try:
        authorities = "\n".join(path.read_text() for path in sorted(folder.glob("*.crt")))
        certificate = next(iter(sorted(folder.glob("*.cert"))), None)
        if certificate is None:
            return TLS(authorities) if authorities else None
        return TLS(authorities, certificate.read_text(), certificate.with_suffix(".key").read_text())
    except (OSError, UnicodeDecodeError) as error:
        # The folder may be meant for another user's tools; only its own registry needs it.
        log.warning("certificates not readable", folder=str(folder), problem=str(error))
        return None
