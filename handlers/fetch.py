"""Fetch: an earlier job's image, by the digest that was recorded, in the form that this job wants."""

from __future__ import annotations

from handlers.artifact_validation import FORMATS, problem_with_prefix
from handlers.context import Context
from handlers.errors import ConfigurationInvalid
from handlers.file_errors import files_in_words
from handlers.image_fetcher import ImageFetcher
from handlers.published_image import PublishedImage, read_metadata
from handlers.store_access import store_access
from schemas.artifact import EnvironmentVariable, FetchRequest
from schemas.artifact_configuration import FetchConfiguration


async def fetch_artifact(request: FetchRequest, context: Context) -> list[EnvironmentVariable]:
    """`cd.go.artifact.fetch-artifact`. Raises OperationFailed or another RegistryError."""
    access = store_access(request.store_configuration)
    configuration = request.fetch_artifact_configuration
    format_, prefix = _format(configuration), _prefix(configuration)
    published = read_metadata(request.artifact_metadata, access.registry)
    if format_ == "none":
        context.console.info(f"Not pulling {published.image}, as configured")
        return _variables(published, "", prefix)
    fetcher = ImageFetcher(context, context.client.remote(access), published, configuration.platform)
    with files_in_words(f"fetch {published.reference}"):
        if format_ in ("oci-layout", "oci"):
            path = await fetcher.write(format_, configuration.destination, request.agent_working_directory)
            return _variables(published, path, prefix)
        await fetcher.let_daemon_pull()
        return _variables(published, "", prefix)


def _format(configuration: FetchConfiguration) -> str:
    if configuration.skip_image_pulling.lower() == "true":
        return "none"
    if configuration.format and configuration.format not in FORMATS:
        cause, remedy = f"«{configuration.format}» is no format", f"Use one of {', '.join(FORMATS)}."
        raise ConfigurationInvalid("fetch the artifact", cause, remedy)
    return configuration.format or "auto"


def _prefix(configuration: FetchConfiguration) -> str:
    prefix = configuration.environment_variable_prefix
    if problem := problem_with_prefix(prefix):
        raise ConfigurationInvalid("fetch the artifact", f"EnvironmentVariablePrefix «{prefix[:100]}»", problem)
    return f"{prefix}_" if prefix else ""


def _variables(published: PublishedImage, path: str, prefix: str) -> list[EnvironmentVariable]:
    name = f"{prefix}ARTIFACT_IMAGE"
    reference = published.reference
    values = {
        name: published.image,
        f"{name}_DIGEST": str(reference.digest),
        f"{name}_REPOSITORY": str(reference.repository),
        f"{name}_TAG": reference.tag or "",
        f"{name}_PATH": path,
    }
    return [EnvironmentVariable(name=key, value=value) for key, value in values.items() if value]
