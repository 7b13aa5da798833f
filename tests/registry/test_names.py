from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidName, RegistryError
from registry.names import Digest, Reference, Registry, Repository

SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("team/app", "docker.io/team/app:latest"),
        ("index.docker.io/team/app", "docker.io/team/app:latest"),
        ("registry.example.com/app:1", "registry.example.com/app:1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/a/b/c:x", "localhost:5000/a/b/c:x"),
        ("host:5000/app@" + SHA, "host:5000/app@" + SHA),
        ("host:5000/app:1@" + SHA, "host:5000/app:1@" + SHA),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
    ],
)
def test_a_reference_is_read_as_container_tools_read_it(text: str, full: str) -> None:
    assert str(Reference.parse(text)) == full
    assert Reference.parse(full) == Reference.parse(text)


def test_a_default_registry_takes_the_place_of_docker_hub() -> None:
    assert str(Repository.parse("app", Registry("r.example.com"))) == "r.example.com/app"
    assert str(Repository.parse("other.io/app", Registry("r.example.com"))) == "other.io/app"


def test_given_tag_and_digest_the_digest_wins() -> None:
    assert Reference.parse(f"a/b:1@{SHA}").identifier == SHA


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("team/App", "lower case"),
        ("team//app", "can't have"),
        ("-app", "can't have"),
        ("a" * 256, "longer"),
        ("app:", "tag"),
        ("app:" + "x" * 129, "tag"),
        ("app@sha256:short", "digest"),
        ("app@md5:" + "a" * 32, "digest"),
        ("", "empty"),
    ],
)
def test_a_name_that_is_not_valid_says_why(text: str, cause: str) -> None:
    with pytest.raises(InvalidName, match=cause):
        Reference.parse(text)


@given(st.text(max_size=300))
def test_any_text_is_a_reference_or_an_error_in_words(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except RegistryError as error:
        assert str(error)
    else:
        assert Reference.parse(str(reference)) == reference


def test_a_digest_is_that_of_exact_bytes() -> None:
    digest = Digest.of(b"x")
    assert digest.matches(b"x")
    assert not digest.matches(b"x ")
