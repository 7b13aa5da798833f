"""Fields that the artifact store and the package repository both have: an address, a user, a password."""

from __future__ import annotations

from collections.abc import Iterable

from handlers.field_errors import Check
from handlers.image_name import unresolved_secret
from registry.endpoint import Endpoint
from registry.errors import InvalidName


def problem_with_address(address: str) -> str | None:
    """What is wrong with a registry's address, or None."""
    if not address:
        return "Give the registry's address, like https://registry.example.com."
    if problem := unresolved_secret(address):
        return problem
    try:
        Endpoint.parse(address)
    except InvalidName as error:
        return f"{error.cause[0].upper()}{error.cause[1:]}. {error.remedy}"
    return None


def half_credential(username: str, password: str, user_key: str, password_key: str) -> Iterable[Check]:
    """A user without a password, or a password without a user; neither is anonymous access and is fine."""
    yield user_key, unresolved_secret(username)
    yield password_key, unresolved_secret(password)
    if username and not password:
        yield password_key, f"Give the password of {username}, or leave both fields empty for anonymous access."
    if password and not username:
        yield user_key, "Give the user name for this password, or leave both fields empty for anonymous access."
