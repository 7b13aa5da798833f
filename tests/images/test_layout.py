from __future__ import annotations

from pathlib import Path

import pytest

from registry.errors import InvalidImage
from registry.images.files import open_image
from registry.images.source import read_tree
from tests.images import samples


async def test_a_link_that_leaves_the_layout_is_as_good_as_missing(tmp_path: Path) -> None:
    layout = samples.layout(tmp_path / "image")
    blob = next((layout / "blobs" / "sha256").iterdir())
    outside = tmp_path / "outside"
    blob.rename(outside)
    blob.symlink_to(outside)
    async with open_image(layout, tmp_path) as source:
        with pytest.raises(InvalidImage, match="missing"):
            await read_tree(source)
