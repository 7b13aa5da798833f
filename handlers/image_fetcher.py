"""The image that a job fetches: into files below its working directory, or into a daemon."""

from __future__ import annotations

import asyncio

from handlers.context import Context
from handlers.published_image import PublishedImage
from handlers.working_directory import WorkingDirectory
from registry.descriptor import Platform
from registry.errors import ContentMismatch, DaemonFailed
from registry.images.daemon import Daemon, DaemonAddress
from registry.images.pull import pull_archive, pull_layout
from registry.platforms import select
from registry.remote import Remote

_OTHER_FORMATS = "Start one, set DOCKER_HOST, or choose the Format oci-layout, oci or none, which need no daemon."


class ImageFetcher:
    """Brings the image of one fetch request to where it is wanted."""

    def __init__(self, context: Context, remote: Remote, published: PublishedImage, platform: str) -> None:
        self._context = context
        self._remote = remote
        self._published = published
        self._wanted_platform = Platform.parse(platform) if platform else None
        self._say = context.console.info

    async def write(self, format_: str, destination: str, working_directory: str) -> str:
        """Write an `oci-layout` or an `oci` tarball below the working directory; its absolute path."""
        directory = await asyncio.to_thread(WorkingDirectory.open, working_directory, self._context.allowed_roots)
        path = await asyncio.to_thread(directory.inside, destination or self._default_name(format_), "Destination")
        platform = self._wanted_platform or Platform.of_this_machine()
        shown = path.relative_to(directory.path)
        self._say(f"Fetching {self._published.reference} for {platform} into {shown}")
        pull = pull_layout if format_ == "oci-layout" else pull_archive
        fetched = await pull(self._remote, self._published.reference, path, platform, self._say)
        self._say(f"Fetched {fetched.digest} into {shown}")
        return str(path)

    def _default_name(self, format_: str) -> str:
        name = self._published.reference.repository.path.rpartition("/")[2]
        return name if format_ == "oci-layout" else f"{name}.tar"

    async def let_daemon_pull(self) -> None:
        """Let the daemon pull by digest, and give the image its tag there."""
        address = DaemonAddress.from_environment(self._context.environment)
        async with Daemon(address) as daemon:
            if not await daemon.is_reachable():
                raise DaemonFailed(f"pull {self._published.image}", f"no daemon answers at {address}", _OTHER_FORMATS)
            if self._wanted_platform:
                # The daemon only says that there is no such platform; this says which there are.
                await select(self._remote, self._published.reference, self._wanted_platform)
            await self._pull(daemon)

    async def _pull(self, daemon: Daemon) -> None:
        reference, by_digest = self._published.reference, self._published.by_digest
        access = self._remote.access
        credentials = await access.keychain.resolve(reference.repository, access.registry.host)
        self._say(f"The daemon at {daemon.address} pulls {by_digest}")
        await daemon.pull(by_digest, credentials, self._wanted_platform, self._say)
        if reference.digest and not await daemon.has_digest(str(by_digest), reference.digest):
            raise ContentMismatch(
                f"pull {reference}", "the daemon has it under another digest afterwards", "Pull it by hand and compare."
            )
        if reference.tag:
            await daemon.tag(str(by_digest), str(reference.repository), reference.tag)
            self._say(f"The daemon has it as {reference.repository}:{reference.tag}")
