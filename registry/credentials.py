"""Credentials, and keychains, which find them. Finding is apart from applying: applying is the token room's work."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

from registry.names import Repository


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name with a password, or an identity token (an OAuth2 refresh token)."""

    username: str
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def fingerprint(self) -> str:
        """What stands for these credentials in a cache key; the secret can't be read back from it."""
        return fingerprint(self.username, self.password, self.identity_token)


def fingerprint(*secrets: str) -> str:
    """What stands for secrets in a cache key: the same for the same ones, and not to be read back."""
    return hashlib.sha256("\0".join(secrets).encode()).hexdigest()


class Keychain(Protocol):
    """Finds the credentials for a repository; None means «none of mine», not «anonymous»."""

    @property
    def identity(self) -> str:
        """What stands for whom it finds in a cache key; no secret can be read back from it."""
        ...

    async def resolve(self, repository: Repository | None, host: str) -> Credentials | None:
        """Find credentials for a host and the repository on it (None for a ping).

        Raises CredentialsUnavailable when they should be there but can't be obtained.
        """
        ...

    def forget(self, credentials: Credentials) -> None:
        """Drop these credentials if they were kept: a registry has refused them."""
        ...


@dataclass(frozen=True, slots=True)
class StaticKeychain:
    """The credentials that a store or package repository was configured with."""

    credentials: Credentials | None

    @property
    def identity(self) -> str:
        """The credentials' fingerprint, or empty for nobody."""
        return self.credentials.fingerprint if self.credentials else ""

    async def resolve(self, repository: Repository | None, host: str) -> Credentials | None:  # noqa: ARG002
        """Answer the configured credentials for every repository."""
        return self.credentials

    def forget(self, credentials: Credentials) -> None:
        """Nothing: what was configured stays."""


ANONYMOUS = StaticKeychain(None)
"""No credentials at all."""
