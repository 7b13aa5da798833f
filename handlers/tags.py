"""Tags as people write them: one in a field, several in a list or a file."""

from __future__ import annotations

import re

from handlers.image_name import unresolved_secret
from handlers.variables import PLACEHOLDER
from registry.errors import InvalidName
from registry.names import parse_tag

_SEPARATORS = re.compile(r"[\s,;]+")


def split_tags(text: str) -> list[str]:
    """The tags of a list, separated by commas or blanks."""
    return [tag for tag in _SEPARATORS.split(text) if tag]


def problem_with_tag(tag: str) -> str | None:
    """What is wrong with a tag (perhaps with `${VAR}` in it), or None."""
    if problem := unresolved_secret(tag):
        return problem
    plain = PLACEHOLDER.sub("x", tag)
    if "$" in plain:
        return "A variable is written ${NAME}, with braces."
    try:
        parse_tag(plain)
    except InvalidName as error:
        return f"«{tag[:60]}» is not a tag: {error.cause}. {error.remedy}"
    return None
