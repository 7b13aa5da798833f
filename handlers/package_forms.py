"""The forms of the package material: the old poller's keys, and two new ones."""

from __future__ import annotations

from handlers.context import Context
from schemas.answers import Empty
from schemas.package import Property

_REPOSITORY = {
    "DOCKER_REGISTRY_URL": Property(
        display_name="Docker registry address", display_order="0", required=True, part_of_identity=True
    ),
    "DOCKER_REGISTRY_NAME": Property(
        display_name="Docker registry name", display_order="1", required=True, part_of_identity=True
    ),
    # A user or a password that changes must not make a new material: neither is part of its identity.
    "DOCKER_REGISTRY_USERNAME": Property(
        display_name="User name", display_order="2", required=False, part_of_identity=False
    ),
    "DOCKER_REGISTRY_PASSWORD": Property(
        display_name="Password or access token",
        display_order="3",
        required=False,
        secure=True,
        part_of_identity=False,
    ),
}
_PACKAGE = {
    "DOCKER_IMAGE": Property(display_name="Docker image", display_order="0", required=True, part_of_identity=True),
    "DOCKER_TAG_FILTER": Property(
        display_name="Tag filter (regular expression)", display_order="1", required=False, part_of_identity=True
    ),
    "DOCKER_TAG": Property(
        display_name="One tag to watch by its digest", display_order="2", required=False, part_of_identity=True
    ),
    "DOCKER_TRACK_DIGEST": Property(
        display_name="Report a tag that is pushed again (true or false)",
        display_order="3",
        required=False,
        part_of_identity=True,
    ),
}


async def repository_configuration(request: Empty, context: Context) -> dict[str, Property]:  # noqa: ARG001
    """`repository-configuration`."""
    return _REPOSITORY


async def package_configuration(request: Empty, context: Context) -> dict[str, Property]:  # noqa: ARG001
    """`package-configuration`."""
    return _PACKAGE
