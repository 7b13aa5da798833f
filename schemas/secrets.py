"""Requests that carry secrets say which, so that whatever comes out can be searched for them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pydantic import SecretStr


@runtime_checkable
class CarriesSecrets(Protocol):
    """A request that may hold passwords, tokens or keys."""

    def secret_values(self) -> frozenset[str]:
        """The plain values, none of them empty."""
        ...


def plain_values(*secrets: SecretStr | str | None) -> frozenset[str]:
    """The plain values of those secrets that are there."""
    plain = (secret.get_secret_value() if isinstance(secret, SecretStr) else secret for secret in secrets)
    return frozenset(value for value in plain if value)
