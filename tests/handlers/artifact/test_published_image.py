"""The metadata of an artifact, written by this plugin or by the old one."""

from __future__ import annotations

import pytest

from handlers.errors import ConfigurationInvalid
from handlers.published_image import read_metadata
from registry.names import Registry

DIGEST = "sha256:" + "a" * 64
REGISTRY = Registry("registry.example.com")


@pytest.mark.parametrize(
    ("image", "registry", "repository", "tag"),
    [
        ("registry.example.com/team/app:1.2", REGISTRY, "registry.example.com/team/app", "1.2"),
        ("team/app:1.2", REGISTRY, "registry.example.com/team/app", "1.2"),
        ("app:1", Registry("docker.io"), "docker.io/library/app", "1"),
        ("index.docker.io/team/app", Registry("docker.io"), "docker.io/team/app", "latest"),
        ("localhost:5000/app:1", Registry("localhost:5000"), "localhost:5000/app", "1"),
    ],
)
def test_image_and_digest_are_enough(image: str, registry: Registry, repository: str, tag: str) -> None:
    published = read_metadata({"image": image, "digest": DIGEST}, registry)
    assert published.image == image
    assert str(published.reference) == f"{repository}:{tag}@{DIGEST}"
    assert str(published.by_digest) == f"{repository}@{DIGEST}"


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (None, "nothing was published"),
        ({}, "nothing was published"),
        ({"digest": DIGEST}, "has no image"),
        ({"image": "a"}, "has no digest"),
        ({"image": "a", "digest": None}, "has no digest"),
        ({"image": ["a"], "digest": DIGEST}, "has no image"),
        ({"image": "A b", "digest": DIGEST}, "can't be read"),
        ({"image": "a", "digest": "latest"}, "can't be read: it is not a sha256"),
        (
            {"image": "other.example.com/a:1", "digest": DIGEST},
            "published to other.example.com, .*registry.example.com",
        ),
    ],
)
def test_metadata_that_names_nothing_to_fetch_says_why(metadata: dict[str, object] | None, words: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=words):
        read_metadata(metadata, REGISTRY)
