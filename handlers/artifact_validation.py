"""What is wrong with a form of the artifact plugin, said when it is saved: one message a field."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from handlers.context import Context
from handlers.field_errors import Check, field_errors
from handlers.image_name import problem_with_image, unresolved_secret
from handlers.registry_fields import half_credential, problem_with_address
from handlers.store_access import ECR, OTHER
from handlers.tags import problem_with_tag, split_tags
from registry.descriptor import Platform
from registry.errors import InvalidName
from schemas.answers import FieldError
from schemas.artifact_configuration import FetchConfiguration, PublishConfiguration, StoreConfiguration

SOURCES = ("auto", "file", "daemon", "registry")
FORMATS = ("auto", "daemon", "oci-layout", "oci", "none")

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_ACCESS_KEY = re.compile(r"[A-Z0-9]{16,128}")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


async def validate_store(request: StoreConfiguration, context: Context) -> list[FieldError]:  # noqa: ARG001
    """`cd.go.artifact.store.validate`."""
    kind = request.registry_type.lower()
    if kind == OTHER:
        return field_errors([("RegistryURL", problem_with_address(request.registry_url)), *_other_credentials(request)])
    if kind == ECR:
        return field_errors(_ecr(request))
    wanted = f"Choose {ECR} for Amazon ECR or {OTHER} for every other registry."
    return field_errors([("RegistryType", wanted)])


def _other_credentials(store: StoreConfiguration) -> Iterable[Check]:
    return half_credential(store.username, store.password.get_secret_value(), "Username", "Password")


def _ecr(store: StoreConfiguration) -> Iterable[Check]:
    key_id, secret = store.aws_access_key_id.get_secret_value(), store.aws_secret_access_key.get_secret_value()
    yield "RegistryID", _unless(_ACCOUNT, store.registry_id, "Give the AWS account's id: 12 digits, like 123456789012.")
    yield "AWSRegion", _unless(_REGION, store.aws_region, "Give the region's code, like eu-central-1.")
    if store.registry_url:
        yield "RegistryURL", problem_with_address(store.registry_url)
    yield "AWSAccessKeyId", unresolved_secret(key_id)
    yield "AWSSecretAccessKey", unresolved_secret(secret)
    if key_id:
        yield "AWSAccessKeyId", _unless(_ACCESS_KEY, key_id, "This is no access key id: it has 20 capitals and digits.")
        if not secret:
            yield (
                "AWSSecretAccessKey",
                "Give the secret access key too, or neither, to let AWS's default chain find it.",
            )
    elif secret:
        yield "AWSAccessKeyId", "Give the access key id too, or neither, to let AWS's default chain find it."


async def validate_publish(request: PublishConfiguration, context: Context) -> list[FieldError]:  # noqa: ARG001
    """`cd.go.artifact.publish.validate`."""
    return field_errors([*_image_or_build_file(request), *_source(request), *_tags(request)])


def _image_or_build_file(publish: PublishConfiguration) -> Iterable[Check]:
    if bool(publish.image) == bool(publish.build_file):
        both = "Give either Image or BuildFile, not both."
        neither = "Give the image's name, like team/app, or a BuildFile that has it."
        yield "Image", both if publish.image else neither
        yield "BuildFile", both if publish.image else "Give this or Image."
    if publish.image:
        yield "Image", problem_with_image(publish.image, "Tag")
    if publish.build_file:
        yield "BuildFile", problem_with_path(publish.build_file)
        if publish.tag:
            yield "Tag", "With a BuildFile the tag stands in that file: leave this empty."


def _source(publish: PublishConfiguration) -> Iterable[Check]:
    if publish.source and publish.source not in SOURCES:
        yield "Source", f"Choose one of {', '.join(SOURCES)}."
    if publish.source == "file" and not publish.image_path:
        yield "ImagePath", "Name the OCI layout or tarball, like image.tar."
    if publish.source in ("daemon", "registry") and publish.image_path:
        yield "ImagePath", f"With the source {publish.source} no file is read: leave this empty, or choose file."
    if publish.image_path:
        yield "ImagePath", problem_with_path(publish.image_path)


def _tags(publish: PublishConfiguration) -> Iterable[Check]:
    if publish.tag:
        yield "Tag", problem_with_tag(publish.tag)
    for tag in split_tags(publish.additional_tags):
        yield "AdditionalTags", problem_with_tag(tag)
    if publish.tags_file:
        yield "TagsFile", problem_with_path(publish.tags_file)


async def validate_fetch(request: FetchConfiguration, context: Context) -> list[FieldError]:  # noqa: ARG001
    """`cd.go.artifact.fetch.validate`."""
    return field_errors(_fetch(request))


def _fetch(fetch: FetchConfiguration) -> Iterable[Check]:
    if prefix := fetch.environment_variable_prefix:
        yield (
            "EnvironmentVariablePrefix",
            _unless(_PREFIX, prefix, "Start with a letter; letters, digits and _ may follow, like BUILD."),
        )
    if fetch.skip_image_pulling.lower() not in ("", "true", "false"):
        yield "SkipImagePulling", "Write true or false."
    if fetch.format and fetch.format not in FORMATS:
        yield "Format", f"Choose one of {', '.join(FORMATS)}."
    if fetch.destination:
        yield "Destination", problem_with_path(fetch.destination)
        if fetch.format in ("", "auto", "daemon", "none"):
            yield "Destination", "Only the formats oci-layout and oci write files: choose one, or leave this empty."
    if fetch.platform:
        yield "Platform", _problem_with_platform(fetch.platform)


def problem_with_path(path: str) -> str | None:
    """What is wrong with a path that must stay inside the working directory, or None."""
    if problem := unresolved_secret(path):
        return problem
    if PurePath(path).is_absolute() or ".." in PurePath(path).parts or "\0" in path:
        return "Give a path below the working directory, without .. and without a leading slash."
    return None


def _problem_with_platform(platform: str) -> str | None:
    try:
        Platform.parse(platform)
    except InvalidName as error:
        return error.remedy
    return None


def _unless(pattern: re.Pattern[str], value: str, problem: str) -> str | None:
    return unresolved_secret(value) or (None if pattern.fullmatch(value) else problem)
