"""What an artifact store's fields must hold, for each type of registry."""

from __future__ import annotations

import re
from collections.abc import Iterable

from handlers.field_errors import Check, field_errors
from handlers.image_name import unresolved_secret
from handlers.registry_fields import half_credential, problem_with_address
from schemas.answers import FieldError
from schemas.artifact_configuration import StoreConfiguration

ECR = "ecr"
OTHER = "other"

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_ACCESS_KEY = re.compile(r"\w{1,128}", re.ASCII)
"""As AWS's own API describes it; a secret access key mostly has a slash or a plus."""

_NO_ACCOUNT = "Give the AWS account's id: 12 digits, like 123456789012."
_NO_REGION = "Give the region's code, like eu-central-1."
_NO_ACCESS_KEY = "This is no access key id: that has capitals and digits only. Perhaps it is the secret access key."
_OR_NEITHER = "or leave both empty, to let AWS's default chain find an identity."


def store_problems(store: StoreConfiguration) -> list[FieldError]:
    """What is wrong with a store, by field; fields of another registry type don't count."""
    kind = store.registry_type.lower()
    if kind == OTHER:
        return field_errors(_other(store))
    if kind == ECR:
        return field_errors(_ecr(store))
    return field_errors(
        [("RegistryType", f"Choose {ECR} for Amazon ECR or {OTHER} for every other registry.")],
    )


def _other(store: StoreConfiguration) -> Iterable[Check]:
    yield "RegistryURL", _login_inside(store.registry_url) or problem_with_address(store.registry_url)
    yield from half_credential(store.username, store.password.get_secret_value(), "Username", "Password")


def _ecr(store: StoreConfiguration) -> Iterable[Check]:
    yield "RegistryID", _unless(_ACCOUNT, store.registry_id, _NO_ACCOUNT)
    yield "AWSRegion", _unless(_REGION, store.aws_region, _NO_REGION)
    if store.registry_url:
        yield "RegistryURL", _login_inside(store.registry_url) or problem_with_address(store.registry_url)
    yield from _static_keys(store.aws_access_key_id.get_secret_value(), store.aws_secret_access_key.get_secret_value())


def _login_inside(address: str) -> str | None:
    # Not left to the parser: a password may have any character, a slash too, and no part of it may be repeated.
    if "@" in address:
        return "It has a user name or password inside: write those into their own fields, and leave them out here."
    return None


def _static_keys(key_id: str, secret: str) -> Iterable[Check]:
    yield "AWSSecretAccessKey", unresolved_secret(secret)
    if key_id:
        yield "AWSAccessKeyId", _unless(_ACCESS_KEY, key_id, _NO_ACCESS_KEY)
    if key_id and not secret:
        yield "AWSSecretAccessKey", f"Give the secret access key too, {_OR_NEITHER}"
    if secret and not key_id:
        yield "AWSAccessKeyId", f"Give the access key id too, {_OR_NEITHER}"


def _unless(pattern: re.Pattern[str], value: str, problem: str) -> str | None:
    return unresolved_secret(value) or (None if pattern.fullmatch(value) else problem)
