"""The forms of the artifact plugin: which keys they have, and how GoCD shows them."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.resources import files

from handlers.context import Context
from schemas.answers import Empty, View
from schemas.artifact import MetadataField, Sensitivity

_STORE_KEYS = (
    "RegistryType",
    "RegistryURL",
    "RegistryID",
    "AWSAccessKeyId",
    "AWSSecretAccessKey",
    "AWSRegion",
    "Username",
    "Password",
)
_PUBLISH_KEYS = ("Image", "Tag", "BuildFile", "Source", "ImagePath", "AdditionalTags", "TagsFile")
_FETCH_KEYS = ("EnvironmentVariablePrefix", "SkipImagePulling", "Format", "Destination", "Platform")
_REQUIRED = frozenset({"RegistryType"})
_SECURE = frozenset({"AWSAccessKeyId", "AWSSecretAccessKey", "Password"})


async def store_metadata(request: Empty, context: Context) -> list[MetadataField]:  # noqa: ARG001
    """`cd.go.artifact.store.get-metadata`."""
    return _fields(_STORE_KEYS)


async def publish_metadata(request: Empty, context: Context) -> list[MetadataField]:  # noqa: ARG001
    """`cd.go.artifact.publish.get-metadata`."""
    return _fields(_PUBLISH_KEYS)


async def fetch_metadata(request: Empty, context: Context) -> list[MetadataField]:  # noqa: ARG001
    """`cd.go.artifact.fetch.get-metadata`."""
    return _fields(_FETCH_KEYS)


async def store_view(request: Empty, context: Context) -> View:  # noqa: ARG001
    """`cd.go.artifact.store.get-view`."""
    return await asyncio.to_thread(_view, "store.html")


async def publish_view(request: Empty, context: Context) -> View:  # noqa: ARG001
    """`cd.go.artifact.publish.get-view`."""
    return await asyncio.to_thread(_view, "publish.html")


async def fetch_view(request: Empty, context: Context) -> View:  # noqa: ARG001
    """`cd.go.artifact.fetch.get-view`."""
    return await asyncio.to_thread(_view, "fetch.html")


def _fields(keys: tuple[str, ...]) -> list[MetadataField]:
    return [
        MetadataField(key=key, metadata=Sensitivity(required=key in _REQUIRED, secure=key in _SECURE)) for key in keys
    ]


@cache
def _view(name: str) -> View:
    return View(template=files("handlers").joinpath("views", name).read_text("utf-8"))
