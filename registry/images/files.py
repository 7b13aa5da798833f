"""An image in a file or folder, told apart by content and not by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from registry.errors import ImageNotFound, InvalidImage
from registry.images.docker_archive import read_docker_archive
from registry.images.layout import directory_files, read_layout
from registry.images.source import ImageSource
from registry.images.tarball import decompressed, read_tarball
from registry.images.unfinished import unfinished


@asynccontextmanager
async def open_image(path: Path, spool: Path, *, shown: str = "", reference: str = "") -> AsyncIterator[ImageSource]:
    """Open an OCI layout, an OCI tarball or a `docker save` tarball; what is unpacked goes to a folder in `spool`.

    `shown` stands for the path in messages. `reference` chooses between several images by name or tag.
    Raises ImageNotFound or InvalidImage.
    """
    name = shown or path.name
    if await asyncio.to_thread(_is_layout, path, name):
        yield await asyncio.to_thread(read_layout, directory_files(path), f"the OCI layout {name}", reference)
        return
    async with unfinished(spool, "image") as folder:
        yield await open_tarball(path, folder, f"the tarball {name}", reference)


def _is_layout(path: Path, name: str) -> bool:
    if not path.exists():
        raise ImageNotFound(f"read the image {name}", "there is no such file or folder", "Check ImagePath.")
    if path.is_dir() and not (path / "index.json").is_file():
        raise InvalidImage(f"read the image {name}", "the folder has no index.json", "Name an OCI layout or a tarball.")
    return path.is_dir()


async def open_tarball(path: Path, spool: Path, description: str, reference: str = "") -> ImageSource:
    """Open a tarball of either kind; the spool folder is the caller's to remove. Raises InvalidImage."""
    plain = await asyncio.to_thread(decompressed, path, spool, description)
    tarball = await asyncio.to_thread(read_tarball, plain, description)
    if tarball.find("index.json"):
        return await asyncio.to_thread(read_layout, tarball.find, description, reference)
    return await read_docker_archive(tarball, spool, description, reference)
