"""The image that a job publishes: from a file, from a daemon, or in the registry already."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from handlers.artifact_validation import SOURCES
from handlers.context import Context
from handlers.errors import ConfigurationInvalid, OperationFailed
from handlers.publication import Publication
from handlers.working_directory import WorkingDirectory
from registry.errors import ContentMismatch, Forbidden, ImageNotFound, NotFound, Unauthorized
from registry.images.daemon import Daemon, DaemonAddress
from registry.images.files import open_image
from registry.images.push import push, put_tags
from registry.images.source import ImageSource
from registry.manifest import Index, Manifest
from registry.names import Digest, has_registry
from registry.remote import Remote


class ImagePublisher:
    """Finds the image of one publish request, and brings it under its tags."""

    def __init__(
        self, context: Context, remote: Remote, publication: Publication, directory: WorkingDirectory, image_path: str
    ) -> None:
        self._context = context
        self._remote = remote
        self._publication = publication
        self._directory = directory
        self._image_path = image_path
        self._say = context.console.info

    async def publish(self, source: str) -> Digest:
        """Publish from the named source; `auto` takes a given file, then the daemon, then the registry."""
        if source == "file" or (source == "auto" and self._image_path):
            digest = await self._from_file()
        elif source == "daemon":
            digest = await self._from_daemon()
        elif source == "registry":
            digest = await self._tag_present(await self._find_in_registry())
        elif source == "auto":
            digest = await self._from_anywhere()
        else:
            raise ConfigurationInvalid("publish", f"«{source}» is no source", f"Use one of {', '.join(SOURCES)}.")
        await self._verify(digest)
        return digest

    async def _from_anywhere(self) -> Digest:
        # Only «not there» leads on to the next place: an image that is there, and can't be read, must not be
        # replaced by an older one of the same name.
        async with AsyncExitStack() as stack:
            try:
                daemon, name = await self._find_in_daemon(stack)
            except ImageNotFound as error:
                not_in_daemon = error.cause
            else:
                return await self._export(daemon, name)
        try:
            present = await self._find_in_registry()
        except (ImageNotFound, Unauthorized, Forbidden) as error:
            raise OperationFailed(
                f"find the image {self._publication.image}:{self._publication.tag} to publish",
                f"no ImagePath is given; {not_in_daemon}; {error.cause}",
                "Name the build's OCI layout or tarball as ImagePath, build the image in the daemon, or push it first.",
            ) from error
        return await self._tag_present(present)

    async def _from_file(self) -> Digest:
        if not self._image_path:
            raise ConfigurationInvalid("publish from a file", "no ImagePath is given", "Name a layout or a tarball.")
        path = await asyncio.to_thread(self._directory.only_match, self._image_path, "ImagePath")
        shown = str(path.relative_to(self._directory.path))
        async with open_image(path, self._spool, shown=shown, reference=self._publication.tag) as source:
            return await self._push(source)

    async def _from_daemon(self) -> Digest:
        async with AsyncExitStack() as stack:
            daemon, name = await self._find_in_daemon(stack)
            return await self._export(daemon, name)

    async def _find_in_daemon(self, stack: AsyncExitStack) -> tuple[Daemon, str]:
        address = DaemonAddress.from_environment(self._context.environment)
        daemon = await stack.enter_async_context(Daemon(address))
        action = f"publish from the daemon at {address}"
        if not await daemon.is_reachable():
            raise ImageNotFound(action, f"no daemon answers at {address}", "Start it, or set DOCKER_HOST.")
        names = self._names_in_daemon()
        for name in names:
            if await daemon.has_image(name):
                return daemon, name
        raise ImageNotFound(
            action,
            f"the daemon at {address} has no {' or '.join(names)}",
            "Build it there first, or check name and tag.",
        )

    def _names_in_daemon(self) -> list[str]:
        image, tag = self._publication.image, self._publication.tag
        # Podman keeps what it builds under a bare name as localhost/name.
        local = [] if has_registry(image) else [f"localhost/{image}:{tag}"]
        return list(dict.fromkeys([f"{image}:{tag}", *local, str(self._publication.main_reference)]))

    async def _export(self, daemon: Daemon, name: str) -> Digest:
        self._say(f"Exporting {name} from the daemon at {daemon.address}")
        async with daemon.open_image(name, self._spool) as source:
            return await self._push(source)

    async def _push(self, source: ImageSource) -> Digest:
        self._say(f"Publishing {source.description} to {self._publication.repository}")
        root = await push(source, self._remote, self._publication.repository, self._publication.tags, self._say)
        return root.digest

    async def _find_in_registry(self) -> Manifest | Index:
        reference = self._publication.main_reference
        try:
            return await self._remote.manifest(reference)
        except NotFound as error:
            raise ImageNotFound(
                f"publish {reference} from the registry", f"the registry has no {reference}", "Push it first."
            ) from error

    async def _tag_present(self, present: Manifest | Index) -> Digest:
        self._say(f"{self._publication.main_reference} is in the registry already, as {present.digest}")
        if more := self._publication.tags[1:]:
            await put_tags(self._remote, self._publication.repository, present, more, self._say)
        return present.digest

    async def _verify(self, digest: Digest) -> None:
        reference = self._publication.repository.at(digest)
        try:
            await self._remote.resolve(reference)
        except NotFound as error:
            raise ContentMismatch(
                f"verify {reference}",
                "the registry took it, and does not have it now",
                "Look into the registry's log, at its storage, and at proxies in between; then publish again.",
            ) from error

    @property
    def _spool(self) -> Path:
        return self._context.temporary_directory or self._directory.path
