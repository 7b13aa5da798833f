"""From checks of single fields to the errors that GoCD shows."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.answers import FieldError

Check = tuple[str, str | None]
"""A key, and what is wrong with its value."""


def field_errors(checks: Iterable[Check]) -> list[FieldError]:
    """The errors among the checks; a key's first only, since GoCD shows no other."""
    found: dict[str, str] = {}
    for key, problem in checks:
        if problem:
            found.setdefault(key, problem)
    return [FieldError(key=key, message=message) for key, message in found.items()]
