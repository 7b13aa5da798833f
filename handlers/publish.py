"""Publish: an image from a file, a daemon or the registry itself gets its tags in the store's registry."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from handlers.context import Context
from handlers.errors import ConfigurationInvalid, OperationFailed
from handlers.publication import Publication, read_publication
from handlers.store_access import store_access
from handlers.variables import resolve
from handlers.working_directory import WorkingDirectory
from registry.errors import ImageNotFound, NotFound
from registry.images.daemon import Daemon, DaemonAddress
from registry.images.files import open_image
from registry.images.push import push, put_tags
from registry.names import Digest
from registry.remote import Remote
from schemas.artifact import PublishAnswer, PublishRequest


async def publish_artifact(request: PublishRequest, context: Context) -> PublishAnswer:
    """`cd.go.artifact.publish-artifact`. Raises OperationFailed or another RegistryError."""
    directory = await asyncio.to_thread(WorkingDirectory.open, request.agent_working_directory, context.allowed_roots)
    access = store_access(request.artifact_store.configuration)
    configuration = request.artifact_plan.configuration
    publication = await read_publication(configuration, access.registry, directory, request.environment_variables)
    image_path = resolve(configuration.image_path, "ImagePath", request.environment_variables)
    job = _Publishing(context, context.client.remote(access), publication, directory, image_path)
    digest = await job.run(configuration.source or "auto")
    context.console.info(f"Published {publication.repository.at(digest)} as {', '.join(publication.tags)}")
    return _answer(publication, digest)


def _answer(publication: Publication, digest: Digest) -> PublishAnswer:
    return PublishAnswer(
        metadata={
            "image": str(publication.repository.tag(publication.tag)),
            "digest": str(digest),
            "repository": str(publication.repository),
            "tag": publication.tag,
            "tags": ",".join(publication.tags),
        }
    )


class _Publishing:
    """One publish request under way."""

    def __init__(
        self, context: Context, remote: Remote, publication: Publication, directory: WorkingDirectory, image_path: str
    ) -> None:
        self._context = context
        self._remote = remote
        self._publication = publication
        self._directory = directory
        self._image_path = image_path
        self._say = context.console.info

    async def run(self, source: str) -> Digest:
        """Publish from the named source; `auto` takes a given file, then the daemon, then the registry."""
        if source == "file" or (source == "auto" and self._image_path):
            return await self._from_file()
        if source == "daemon":
            return await self._from_daemon()
        if source == "registry":
            return await self._from_registry()
        if source != "auto":
            raise ConfigurationInvalid("publish", f"«{source}» is no source", "Use auto, file, daemon or registry.")
        return await self._from_anywhere()

    async def _from_anywhere(self) -> Digest:
        tried = []
        for attempt in (self._from_daemon, self._from_registry):
            try:
                return await attempt()
            except ImageNotFound as error:
                tried.append(error.cause)
        name = f"{self._publication.image}:{self._publication.tag}"
        raise OperationFailed(
            f"find the image {name} to publish",
            "; ".join(["no ImagePath is given", *tried]),
            "Name the build's OCI layout or tarball as ImagePath, build the image in the daemon, or push it first.",
        )

    async def _from_file(self) -> Digest:
        if not self._image_path:
            raise ConfigurationInvalid("publish from a file", "no ImagePath is given", "Name a layout or a tarball.")
        path = await asyncio.to_thread(self._directory.only_match, self._image_path, "ImagePath")
        shown = str(path.relative_to(self._directory.path))
        async with open_image(path, self._spool, shown=shown, reference=self._publication.tag) as source:
            self._say(f"Publishing {source.description} to {self._publication.repository}")
            root = await push(source, self._remote, self._publication.repository, self._publication.tags, self._say)
        return root.digest

    async def _from_daemon(self) -> Digest:
        address = DaemonAddress.from_environment(self._context.environment)
        async with AsyncExitStack() as stack:
            daemon = await stack.enter_async_context(Daemon(address))
            if not await daemon.is_reachable():
                raise ImageNotFound(
                    f"publish from the daemon at {address}",
                    f"no daemon answers at {address}",
                    "Start it, or set DOCKER_HOST.",
                )
            name = await self._name_in(daemon)
            self._say(f"Exporting {name} from the daemon at {address}")
            source = await stack.enter_async_context(daemon.open_image(name, self._spool))
            root = await push(source, self._remote, self._publication.repository, self._publication.tags, self._say)
        return root.digest

    async def _name_in(self, daemon: Daemon) -> str:
        publication = self._publication
        names = dict.fromkeys([f"{publication.image}:{publication.tag}", f"{publication.repository}:{publication.tag}"])
        for name in names:
            if await daemon.has_image(name):
                return name
        raise ImageNotFound(
            f"publish from the daemon at {daemon.address}",
            f"the daemon at {daemon.address} has no {' or '.join(names)}",
            "Build it there first, or check name and tag.",
        )

    async def _from_registry(self) -> Digest:
        reference = self._publication.repository.tag(self._publication.tag)
        try:
            manifest = await self._remote.manifest(reference)
        except NotFound as error:
            raise ImageNotFound(
                f"publish {reference} from the registry", f"the registry has no {reference}", "Push it first."
            ) from error
        self._say(f"{reference} is in the registry already: {manifest.digest}")
        if more := self._publication.tags[1:]:
            await put_tags(self._remote, self._publication.repository, manifest, more, self._say)
        return manifest.digest

    @property
    def _spool(self) -> Path:
        return self._context.temporary_directory or self._directory.path
