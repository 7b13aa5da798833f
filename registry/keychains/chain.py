"""Several keychains in order: the first that finds credentials answers."""

from __future__ import annotations

from dataclasses import dataclass

from registry.credentials import Credentials, Keychain
from registry.names import Repository


@dataclass(frozen=True, slots=True)
class KeychainChain:
    """Keychains in the order in which they are asked."""

    keychains: tuple[Keychain, ...]

    @property
    def identity(self) -> str:
        """The identities of all."""
        return "|".join(keychain.identity for keychain in self.keychains)

    async def resolve(self, repository: Repository | None, host: str) -> Credentials | None:
        """The first credentials that are found; None is anonymous. Raises CredentialsUnavailable."""
        for keychain in self.keychains:
            if (credentials := await keychain.resolve(repository, host)) is not None:
                return credentials
        return None

    def forget(self, credentials: Credentials) -> None:
        """Let each of them drop these credentials."""
        for keychain in self.keychains:
            keychain.forget(credentials)
