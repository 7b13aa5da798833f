"""The form of a published artifact."""

from __future__ import annotations

import re

import pytest

from tests.handlers.artifact.forms import Form, publish_errors

IMAGE = {"Image": "team/app"}
DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    "form",
    [
        IMAGE,
        {"Image": "app", "Tag": None, "BuildFile": None},
        {"Image": "registry.example.com:5000/team/app", "Tag": "1.2"},
        {"Image": "localhost/app"},
        {"Image": "docker.io/library/app"},
        {"Image": "team/app_x/y--z/1.2"},
        {"Image": "${REGISTRY}/team/${NAME}", "Tag": "v${GO_PIPELINE_LABEL}-${x.y}"},
        {"Image": "${IMAGE}", "Tag": "${TAG}", "AdditionalTags": "${A}, ${B}-latest 1.2"},
        {"Image": "#{image}", "Tag": "1.#{minor}"},
        {"BuildFile": "out/build.json"},
        {"BuildFile": "build.json", "Tag": "as-the-old-plugin-let-it-be"},
        {**IMAGE, "ImagePath": "build/*.tar"},
        {**IMAGE, "ImagePath": "image-${VERSION}.tar", "Source": "file"},
        {**IMAGE, "Source": "auto"},
        {**IMAGE, "Source": "daemon"},
        {**IMAGE, "Source": "registry", "TagsFile": "tags.txt"},
        {**IMAGE, "AdditionalTags": "latest,1.4 , stable\n1"},
    ],
)
async def test_what_is_right_passes(form: Form) -> None:
    assert await publish_errors(form) == {}


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("team/app:1.2", "belongs into Tag: write team/app here and 1.2 there"),
        ("app:1.2", "belongs into Tag: write app here and 1.2 there"),
        ("app:", "belongs into Tag"),
        ("host.example.com:5000/app:1.2", "write host.example.com:5000/app here and 1.2 there"),
        ("team/app:${TAG}", r"write team/app here and \$\{TAG\} there"),
        (f"team/app@{DIGEST}", "Leave out the digest behind @: write team/app only"),
        (f"team/app:1.2@{DIGEST}", "write team/app only"),
        ("docker build -t team/app .", "looks like a command"),
        ("$(docker images -q)", "looks like a command"),
        ("`cat name`", "looks like a command"),
        ("team/app;rm", "looks like a command"),
        ("Team/App", "lower case: write team/app"),
        ("registry.example.com/Team/${APP}", "lower case"),
        ("https://registry.example.com/team/app", "Leave out https:// and write registry.example.com/team/app only"),
        ("docker://team/app", "Leave out docker:// and write team/app only"),
        ("$IMAGE", r"written \$\{NAME\}, with braces"),
        ("team//app", "not a repository name"),
        ("/team/app", "not a repository name"),
        ("team/app/", "not a repository name"),
        ("team/äpp", "not a repository name"),
        ("-app", "not a repository name"),
        ("{{SECRET:[file][image]}}", "did not resolve"),
        ("a" * 300, "longer than 255"),
    ],
)
async def test_what_is_wrong_with_an_image_says_what_to_write(image: str, words: str) -> None:
    errors = await publish_errors({"Image": image})
    assert list(errors) == ["Image"]
    assert re.search(words, errors["Image"]), errors["Image"]


async def test_a_login_inside_an_image_is_not_repeated() -> None:
    assert "s3cret" not in str(await publish_errors({"Image": "https://ci:s3cret@registry.example.com/app"}))


@pytest.mark.parametrize(
    ("form", "key", "words"),
    [
        ({**IMAGE, "Tag": "1 2"}, "Tag", "«1 2» is not a tag"),
        ({**IMAGE, "Tag": "-x"}, "Tag", "is not a tag"),
        ({**IMAGE, "Tag": "a/b"}, "Tag", "is not a tag"),
        ({**IMAGE, "Tag": "x" * 129}, "Tag", "1 to 128"),
        ({**IMAGE, "Tag": "$LABEL"}, "Tag", "with braces"),
        ({**IMAGE, "Tag": "${}"}, "Tag", "with braces"),
        ({**IMAGE, "AdditionalTags": "ok, b:d"}, "AdditionalTags", "«b:d» is not a tag"),
        ({**IMAGE, "TagsFile": "../tags"}, "TagsFile", r"without \.\."),
        ({**IMAGE, "Source": "files"}, "Source", "auto, file, daemon, registry"),
        ({**IMAGE, "Source": "file"}, "ImagePath", "like image.tar"),
        ({**IMAGE, "Source": "daemon", "ImagePath": "image.tar"}, "ImagePath", "no file is read"),
        ({**IMAGE, "ImagePath": "/tmp/image.tar"}, "ImagePath", "leading slash"),
        ({**IMAGE, "ImagePath": "a/../../b"}, "ImagePath", r"without \.\."),
        ({**IMAGE, "ImagePath": r"C:\image.tar"}, "ImagePath", "below the working directory"),
        ({**IMAGE, "ImagePath": r"..\image.tar"}, "ImagePath", r"without \.\."),
        ({**IMAGE, "ImagePath": "."}, "ImagePath", "Name a file or folder"),
        ({**IMAGE, "ImagePath": "a\0b"}, "ImagePath", "Name a file or folder"),
        ({"BuildFile": "/build.json"}, "BuildFile", "leading slash"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(form: Form, key: str, words: str) -> None:
    errors = await publish_errors(form)
    assert list(errors) == [key]
    assert re.search(words, errors[key]), errors[key]


@pytest.mark.parametrize(
    ("form", "words"),
    [({}, "like team/app, or a BuildFile"), ({**IMAGE, "BuildFile": "build.json"}, "not both")],
)
async def test_exactly_one_of_image_and_build_file_is_given(form: Form, words: str) -> None:
    errors = await publish_errors(form)
    assert set(errors) == {"Image", "BuildFile"}
    assert words in errors["Image"]
