"""The form of a fetched artifact."""

from __future__ import annotations

import re

import pytest

from tests.handlers.artifact.forms import Form, fetch_errors


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"EnvironmentVariablePrefix": None, "SkipImagePulling": None},
        {"EnvironmentVariablePrefix": "Build_1", "SkipImagePulling": "true"},
        {"SkipImagePulling": "false", "Format": "auto"},
        {"Format": "daemon", "Platform": "linux/arm64"},
        {"Format": "oci-layout", "Destination": "out/image", "Platform": "linux/arm/v7"},
        {"Format": "oci", "Destination": "image.tar"},
        {"Format": "none"},
    ],
)
async def test_what_is_right_passes(form: Form) -> None:
    assert await fetch_errors(form) == {}


@pytest.mark.parametrize(
    ("form", "key", "words"),
    [
        ({"EnvironmentVariablePrefix": "1A"}, "EnvironmentVariablePrefix", "Start with a letter"),
        ({"EnvironmentVariablePrefix": "MY-IMAGE"}, "EnvironmentVariablePrefix", "letters, digits and _"),
        ({"EnvironmentVariablePrefix": "ä"}, "EnvironmentVariablePrefix", "Start with a letter"),
        ({"SkipImagePulling": "yes"}, "SkipImagePulling", "true or false"),
        ({"Format": "zip"}, "Format", "auto, daemon, oci-layout, oci, none"),
        ({"Format": "oci", "Destination": "/tmp/x"}, "Destination", "leading slash"),
        ({"Format": "oci", "Destination": "../x"}, "Destination", r"without \.\."),
        ({"Format": "oci", "Destination": "{{SECRET:[a][b]}}"}, "Destination", "did not resolve"),
        ({"Destination": "x"}, "Destination", "oci-layout and oci write files"),
        ({"Format": "none", "Destination": "x"}, "Destination", "oci-layout and oci write files"),
        ({"Platform": "amd64"}, "Platform", "like linux/amd64"),
        ({"Platform": "linux//"}, "Platform", "like linux/amd64"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(form: Form, key: str, words: str) -> None:
    errors = await fetch_errors(form)
    assert list(errors) == [key]
    assert re.search(words, errors[key]), errors[key]
