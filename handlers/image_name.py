"""Image names as people write them into forms, and what they get wrong."""

from __future__ import annotations

import re

from handlers.errors import ConfigurationInvalid
from handlers.variables import PLACEHOLDER
from registry.errors import InvalidName
from registry.names import Registry, Repository, has_registry

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_COMMAND = re.compile(r"[\s`;|&<>]|\$\(")
_UNRESOLVED_SECRET = re.compile(r"\{\{SECRET:")
_TAG_BEHIND = re.compile(r":([^/:]*)$")
_LONGEST_ECHO = 300
_ANYTHING = "x"
"""Stands for a variable, which may hold any part of a name: it is valid everywhere."""


def unresolved_secret(value: str) -> str | None:
    """What is wrong with a value that GoCD should have replaced, or None."""
    if _UNRESOLVED_SECRET.search(value):
        return (
            "This is a secret parameter that GoCD did not resolve: check the secret configuration's id, "
            "and that this kind of plugin may use it."
        )
    return None


def problem_with_image(image: str, tag_key: str) -> str | None:
    """What is wrong with an image name (perhaps with `${VAR}` in it), in words that say what to write, or None."""
    if problem := unresolved_secret(image):
        return problem
    if scheme := _SCHEME.match(image):
        return (
            f"Leave out {scheme[0]} and write {_without_login(image[scheme.end() :].rstrip('/')) or 'the name'} only."
        )
    if _COMMAND.search(image):
        return "This looks like a command. Write the image's name only, like team/app."
    if "@" in image:
        name = _TAG_BEHIND.sub("", image.partition("@")[0])
        return f"Leave out the digest behind @: write {name or 'the name'} only."
    return _problem_with_plain(PLACEHOLDER.sub(_ANYTHING, image), image, tag_key)


def _without_login(name: str) -> str:
    authority, slash, path = name.partition("/")
    return authority.rpartition("@")[2] + slash + path


def _problem_with_plain(plain: str, image: str, tag_key: str) -> str | None:
    tag = _TAG_BEHIND.search(plain)
    if tag and ("/" in plain[: tag.start()] or not has_registry(plain)):
        name, _, value = image.rpartition(":")
        return f"The tag belongs into {tag_key}: write {name} here and {value or 'the tag'} there."
    if "$" in plain:
        return "A variable is written ${NAME}, with braces."
    path = plain.partition("/")[2] if has_registry(plain) else plain
    if path != path.lower():
        return f"Repository names are lower case: write {image.lower() if plain == image else 'it in lower case'}."
    try:
        Repository.parse(plain)
    except InvalidName as error:
        return f"This is not a repository name: {error.cause}. {error.remedy}"
    return None


def repository_in(registry: Registry, image: str, key: str) -> Repository:
    """The repository that an image name means in a store's registry. Raises ConfigurationInvalid."""
    action = f"use {key} «{_without_login(image)[:_LONGEST_ECHO]}»"
    if problem := problem_with_image(image, "Tag"):
        raise ConfigurationInvalid(action, problem)
    repository = Repository.parse(image, registry)
    if repository.registry != registry:
        raise ConfigurationInvalid(
            action,
            f"it names the registry {repository.registry}, and the artifact store's is {registry}",
            "Use the store of that registry, or write the name without a registry.",
        )
    return repository
