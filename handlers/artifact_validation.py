"""What is wrong with a form of the artifact plugin, said when it is saved: one message a field."""

from __future__ import annotations

import re
from collections.abc import Iterable

from handlers.context import Context
from handlers.field_errors import Check, field_errors
from handlers.image_name import problem_with_image, unresolved_secret
from handlers.relative_paths import problem_with_path
from handlers.store_fields import store_problems
from handlers.tags import problem_with_tag, split_tags
from registry.descriptor import Platform
from registry.errors import InvalidName
from schemas.answers import FieldError
from schemas.artifact_configuration import FetchConfiguration, PublishConfiguration, StoreConfiguration

SOURCES = ("auto", "file", "daemon", "registry")
FORMATS = ("auto", "daemon", "oci-layout", "oci", "none")

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


async def validate_store(request: StoreConfiguration, context: Context) -> list[FieldError]:  # noqa: ARG001
    """`cd.go.artifact.store.validate`."""
    return store_problems(request)


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


def problem_with_prefix(prefix: str) -> str | None:
    """What is wrong with the prefix of the variables that a fetch sets, or None."""
    if not prefix or _PREFIX.fullmatch(prefix):
        return None
    return unresolved_secret(prefix) or "Start with a letter; letters, digits and _ may follow, like BUILD."


def _fetch(fetch: FetchConfiguration) -> Iterable[Check]:
    yield "EnvironmentVariablePrefix", problem_with_prefix(fetch.environment_variable_prefix)
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


def _problem_with_platform(platform: str) -> str | None:
    try:
        Platform.parse(platform)
    except InvalidName as error:
        return error.remedy
    return None
