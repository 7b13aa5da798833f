"""Forms as GoCD sends them for validation: flat, nulls kept."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.artifact_validation import validate_fetch, validate_publish, validate_store
from handlers.context import Context
from registry.client import RegistryClient
from schemas.answers import FieldError
from schemas.artifact_configuration import FetchConfiguration, PublishConfiguration, StoreConfiguration

Form = Mapping[str, str | None]


async def store_errors(form: Form) -> dict[str, str]:
    return _by_key(await validate_store(StoreConfiguration.model_validate(form), _context()))


async def publish_errors(form: Form) -> dict[str, str]:
    return _by_key(await validate_publish(PublishConfiguration.model_validate(form), _context()))


async def fetch_errors(form: Form) -> dict[str, str]:
    return _by_key(await validate_fetch(FetchConfiguration.model_validate(form), _context()))


def _context() -> Context:
    return Context(RegistryClient())


def _by_key(errors: list[FieldError]) -> dict[str, str]:
    found = {error.key: error.message for error in errors}
    assert len(found) == len(errors), "GoCD shows one error a key"
    return found
