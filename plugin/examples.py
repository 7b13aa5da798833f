"""Answers as GoCD gets them, one for each kind, for the OpenAPI description."""

from __future__ import annotations

from typing import Any

_DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_IMAGE = "registry.example.com/team/app"


def _field(key: str, *, required: bool = False, secure: bool = False) -> dict[str, Any]:
    return {"key": key, "metadata": {"required": required, "secure": secure}}


def _property(name: str, order: int, *, required: bool = False, secure: bool = False) -> dict[str, Any]:
    return {
        "display-name": name,
        "display-order": str(order),
        "required": required,
        "secure": secure,
        "part-of-identity": required,
    }


def _error(key: str, message: str) -> list[dict[str, str]]:
    return [{"key": key, "message": message}]


ICON = {"content_type": "image/svg+xml", "data": "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="}
VIEW = {"template": '<div class="form_item_block"><label>Image</label><input ng-model="Image"></div>'}

STORE_METADATA = [_field("RegistryType", required=True), _field("RegistryURL"), _field("Password", secure=True)]
PUBLISH_METADATA = [_field("Image"), _field("Tag"), _field("ImagePath")]
FETCH_METADATA = [_field("Format"), _field("Destination")]

STORE_ERRORS = _error(
    "RegistryURL", "Leave out the path: give the registry's address, like https://registry.example.com."
)
PUBLISH_ERRORS = _error("Image", "Leave the tag out of the image's name and write it under Tag.")
FETCH_ERRORS = _error("Destination", "Give a path inside the working directory.")
REPOSITORY_ERRORS = _error("DOCKER_REGISTRY_URL", "Give the registry's address, like https://registry.example.com/v2/.")
PACKAGE_ERRORS = _error("DOCKER_TAG_FILTER", "This is no regular expression: the bracket is not closed.")

PUBLISHED = {
    "metadata": {
        "image": f"{_IMAGE}:1.4.2",
        "digest": _DIGEST,
        "repository": _IMAGE,
        "tag": "1.4.2",
        "tags": "1.4.2,latest",
    }
}
FETCHED = [
    {"name": "ARTIFACT_IMAGE", "value": f"{_IMAGE}:1.4.2", "secure": False},
    {"name": "ARTIFACT_IMAGE_DIGEST", "value": _DIGEST, "secure": False},
]

REPOSITORY_PROPERTIES = {"DOCKER_REGISTRY_URL": _property("Docker registry address", 0, required=True)}
PACKAGE_PROPERTIES = {"DOCKER_IMAGE": _property("Docker image", 0, required=True)}
REGISTRY_FOUND = {"status": "success", "messages": ["Docker registry found."]}
IMAGE_FOUND = {"status": "success", "messages": ["Docker image found."]}
REVISION = {
    "revision": "1.10",
    "timestamp": "2026-01-02T03:04:05.678Z",
    "user": "ci",
    "revisionComment": "Release 1.10",
    "trackbackUrl": "https://git.example.com/team/app",
    "data": {"TAG": "1.10", "DIGEST": _DIGEST, "IMAGE": f"{_IMAGE}:1.10", "REFERENCE": f"{_IMAGE}@{_DIGEST}"},
}
