"""What the artifact plugin is and looks like."""

from __future__ import annotations

import asyncio
import base64
from functools import cache
from importlib.resources import files

from handlers.context import Context
from schemas.answers import Empty, Icon
from schemas.artifact import Capabilities


async def get_capabilities(request: Empty, context: Context) -> Capabilities:  # noqa: ARG001
    """`cd.go.artifact.get-capabilities`."""
    return Capabilities()


async def get_icon(request: Empty, context: Context) -> Icon:  # noqa: ARG001
    """`cd.go.artifact.get-icon`."""
    return await asyncio.to_thread(_icon)


@cache
def _icon() -> Icon:
    drawing = files("handlers").joinpath("icon.svg").read_bytes()
    return Icon(content_type="image/svg+xml", data=base64.b64encode(drawing).decode())
