"""Fetch: an earlier job's image, by the digest that was recorded, in the form that this job wants."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from handlers.artifact_validation import FORMATS
from handlers.context import Context
from handlers.errors import ConfigurationInvalid
from handlers.store_access import store_access
from handlers.working_directory import WorkingDirectory
from registry.descriptor import Platform
from registry.errors import ContentMismatch, DaemonFailed, InvalidName
from registry.images.daemon import Daemon, DaemonAddress
from registry.images.pull import pull_archive, pull_layout
from registry.names import Digest, Reference, Registry
from registry.remote import Remote
from schemas.artifact import EnvironmentVariable, FetchRequest

_OTHER_FORMATS = "Start one, set DOCKER_HOST, or choose the Format oci-layout, oci or none, which need no daemon."


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """What the artifact's metadata says was published."""

    image: str
    """The name and tag as published."""
    reference: Reference
    """Its repository, tag and digest."""


async def fetch_artifact(request: FetchRequest, context: Context) -> list[EnvironmentVariable]:
    """`cd.go.artifact.fetch-artifact`. Raises OperationFailed or another RegistryError."""
    access = store_access(request.store_configuration)
    published = read_metadata(request.artifact_metadata, access.registry)
    configuration = request.fetch_artifact_configuration
    fetching = _Fetching(context, context.client.remote(access), published, configuration.platform)
    path = ""
    format_ = _format(configuration.format, configuration.skip_image_pulling)
    if format_ in ("oci-layout", "oci"):
        path = await fetching.write(format_, configuration.destination, request.agent_working_directory)
    elif format_ != "none":
        await fetching.let_daemon_pull()
    else:
        context.console.info(f"Not pulling {published.image}, as configured")
    return _variables(published, path, configuration.environment_variable_prefix)


def read_metadata(metadata: dict[str, object] | None, registry: Registry) -> FetchedImage:
    """Read what publish recorded (or the old plugin, which knew only image and digest). Raises ConfigurationInvalid."""
    action = "fetch the artifact"
    remedy = "Run the publishing job again: it records what to fetch."
    image, digest = (_text(metadata or {}, key) for key in ("image", "digest"))
    if not image or not digest:
        raise ConfigurationInvalid(action, "its metadata has no image and digest: nothing was published", remedy)
    try:
        named = Reference.parse(image, registry)
        reference = Reference(named.repository, named.tag, Digest.parse(digest))
    except InvalidName as error:
        raise ConfigurationInvalid(action, f"its metadata can't be read: {error.cause}", remedy) from error
    if reference.repository.registry != registry:
        raise ConfigurationInvalid(
            f"fetch {image}",
            f"it was published to {reference.repository.registry}, and the artifact store's registry is {registry}",
            "Use the store that it was published with, or publish it again.",
        )
    return FetchedImage(image, reference)


def _text(metadata: dict[str, object], key: str) -> str:
    value = metadata.get(key)
    return value.strip() if isinstance(value, str) else ""


def _format(format_: str, skip: str) -> str:
    if skip.lower() == "true":
        return "none"
    if format_ and format_ not in FORMATS:
        raise ConfigurationInvalid(
            "fetch the artifact", f"«{format_}» is no format", f"Use one of {', '.join(FORMATS)}."
        )
    return format_ or "auto"


def _variables(published: FetchedImage, path: str, prefix: str) -> list[EnvironmentVariable]:
    name = f"{prefix}_ARTIFACT_IMAGE" if prefix else "ARTIFACT_IMAGE"
    reference = published.reference
    values = {
        name: published.image,
        f"{name}_DIGEST": str(reference.digest),
        f"{name}_REPOSITORY": str(reference.repository),
        f"{name}_TAG": reference.tag or "",
        f"{name}_PATH": path,
    }
    return [EnvironmentVariable(name=key, value=value) for key, value in values.items() if value]


class _Fetching:
    """One fetch request under way."""

    def __init__(self, context: Context, remote: Remote, published: FetchedImage, platform: str) -> None:
        self._context = context
        self._remote = remote
        self._image = published
        self._wanted_platform = Platform.parse(platform) if platform else None
        self._say = context.console.info

    async def write(self, format_: str, destination: str, working_directory: str) -> str:
        """Write files below the working directory; the path of what was written."""
        directory = await asyncio.to_thread(WorkingDirectory.open, working_directory, self._context.allowed_roots)
        path = await asyncio.to_thread(directory.inside, destination or self._default_name(format_), "Destination")
        platform = self._wanted_platform or Platform.of_this_machine()
        self._say(f"Fetching {self._image.reference} for {platform} into {self._relative(path, directory)}")
        pull = pull_layout if format_ == "oci-layout" else pull_archive
        await pull(self._remote, self._image.reference, path, platform, self._say)
        return str(path)

    async def let_daemon_pull(self) -> None:
        """Let the daemon pull by digest, and give the image its tag there."""
        address = DaemonAddress.from_environment(self._context.environment)
        async with Daemon(address) as daemon:
            if not await daemon.is_reachable():
                raise DaemonFailed(f"pull {self._image.image}", f"no daemon answers at {address}", _OTHER_FORMATS)
            await self._pull(daemon)

    async def _pull(self, daemon: Daemon) -> None:
        reference = self._image.reference
        access = self._remote.access
        credentials = await access.keychain.resolve(reference.repository, access.registry.host)
        by_digest = Reference(reference.repository, digest=reference.digest)
        self._say(f"The daemon at {daemon.address} pulls {by_digest}")
        await daemon.pull(by_digest, credentials, self._wanted_platform, self._say)
        if reference.digest and not await daemon.has_digest(str(by_digest), reference.digest):
            raise ContentMismatch(
                f"pull {reference}", "the daemon has it under another digest afterwards", "Pull it by hand and compare."
            )
        if reference.tag:
            await daemon.tag(str(by_digest), str(reference.repository), reference.tag)

    def _default_name(self, format_: str) -> str:
        name = self._image.reference.repository.path.rpartition("/")[2]
        return name if format_ == "oci-layout" else f"{name}.tar"

    def _relative(self, path: Path, directory: WorkingDirectory) -> Path:
        return path.relative_to(directory.path)
