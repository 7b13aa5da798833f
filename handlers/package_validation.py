"""What is wrong with the forms of the package material, said when they are saved."""

from __future__ import annotations

from collections.abc import Iterable

from handlers.context import Context
from handlers.field_errors import Check, field_errors
from handlers.image_name import problem_with_image, unresolved_secret
from handlers.registry_fields import half_credential, problem_with_address
from handlers.tags import problem_with_tag
from registry.endpoint import Endpoint
from registry.errors import InvalidName
from registry.names import Repository, has_registry
from registry.versions import compile_filter
from schemas.answers import FieldError
from schemas.package import PackageConfiguration, PackageRequest, RepositoryConfiguration, RepositoryRequest


async def validate_repository(request: RepositoryRequest, context: Context) -> list[FieldError]:  # noqa: ARG001
    """`validate-repository-configuration`."""
    return field_errors(_repository(request.repository))


async def validate_package(request: PackageRequest, context: Context) -> list[FieldError]:  # noqa: ARG001
    """`validate-package-configuration`."""
    return field_errors(_package(request.package, request.repository))


def _repository(repository: RepositoryConfiguration) -> Iterable[Check]:
    yield "DOCKER_REGISTRY_URL", problem_with_address(repository.registry_url)
    if not repository.registry_name:
        yield "DOCKER_REGISTRY_NAME", "Give the registry a name; pipelines see it in the names of their variables."
    yield from half_credential(
        repository.username,
        repository.password.get_secret_value(),
        "DOCKER_REGISTRY_USERNAME",
        "DOCKER_REGISTRY_PASSWORD",
    )


def _package(package: PackageConfiguration, repository: RepositoryConfiguration) -> Iterable[Check]:
    if not package.image:
        yield "DOCKER_IMAGE", "Give the image's name, like team/app."
    else:
        yield "DOCKER_IMAGE", _problem_with_package_image(package.image, repository)
    if package.tag_filter:
        yield "DOCKER_TAG_FILTER", _problem_with_filter(package.tag_filter)
    if package.tag:
        yield "DOCKER_TAG", problem_with_tag(package.tag)
        if package.tag_filter:
            yield "DOCKER_TAG", "With one tag to watch the filter has no meaning: leave one of the two empty."
    if package.track_digest.lower() not in ("", "true", "false"):
        yield "DOCKER_TRACK_DIGEST", "Write true or false."


def _problem_with_package_image(image: str, repository: RepositoryConfiguration) -> str | None:
    if problem := problem_with_image(image, "DOCKER_TAG"):
        return problem
    if "$" in image:
        return "Materials have no variables: write the name itself, like team/app."
    if has_registry(image):
        return _problem_with_registry_in(image, repository)
    return None


def _problem_with_registry_in(image: str, repository: RepositoryConfiguration) -> str | None:
    try:
        registry = Endpoint.parse(repository.registry_url).registry
    except InvalidName:
        return None
    named = Repository.parse(image)
    if named.registry == registry:
        return None
    return f"It names the registry {named.registry}, and this package repository is {registry}: write {named.path}."


def _problem_with_filter(pattern: str) -> str | None:
    if problem := unresolved_secret(pattern):
        return problem
    try:
        compile_filter(pattern)
    except InvalidName as error:
        return f"{error.cause[0].upper()}{error.cause[1:]}. For every tag leave it empty."
    return None
