"""Versions: how tags are ordered and chosen. Pure functions."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

import regex

from registry.errors import InvalidName

_DIGITS = re.compile(r"(\d+)", re.ASCII)
_OF_A_SIGNATURE = re.compile(r"sha(?:256|512)-[0-9a-f]{64,128}(?:\.\w+)?")
_SECONDS_TO_MATCH = 2.0

Element = tuple[int, int, str]
OrderKey = tuple[tuple[Element, ...], str]


def natural_key(tag: str) -> OrderKey:
    """A key that orders tags character by character, with every run of digits as one number, of any length.

    Other characters stand before or after a number as they stand before or after the digit 0. Tags that differ in
    leading zeros only are told apart by text.
    """
    return tuple(element for part in _DIGITS.split(tag) if part for element in _elements(part)), tag


def _elements(part: str) -> list[Element]:
    if "0" <= part[0] <= "9":
        # Numbers compare by length and then by digits: no conversion, so that their length has no limit.
        number = part.lstrip("0")
        return [(ord("0"), len(number), number)]
    return [(ord(character), 0, "") for character in part]


def is_version(tag: str) -> bool:
    """Whether a tag may be a version: tags that hold signatures, attestations or referrers are none."""
    return not _OF_A_SIGNATURE.fullmatch(tag)


def compile_filter(pattern: str) -> regex.Pattern[str]:
    """Compile a tag filter. Raises InvalidName that says where the pattern is wrong."""
    try:
        return regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        raise InvalidName(
            f"read the tag filter «{pattern[:200]}»", f"it is not a regular expression: {error}", "Write one like ^1\\."
        ) from error


def matching(tags: Iterable[str], pattern: str) -> list[str]:
    """The tags that can be versions and in which the pattern is found anywhere; blocks, for a bounded time.

    Raises InvalidName for a pattern that is wrong, or that takes too long.
    """
    versions = [tag for tag in tags if is_version(tag)]
    if not pattern:
        return versions
    compiled = compile_filter(pattern)
    deadline = time.monotonic() + _SECONDS_TO_MATCH
    try:
        return [tag for tag in versions if _found(compiled, tag, deadline - time.monotonic())]
    except TimeoutError as error:
        raise InvalidName(
            f"match the tag filter «{pattern[:200]}»",
            f"it takes more than {_SECONDS_TO_MATCH:.0f} seconds",
            "Write it without repetitions inside of repetitions, such as (a+)+.",
        ) from error


def _found(pattern: regex.Pattern[str], tag: str, seconds: float) -> bool:
    if seconds <= 0:
        raise TimeoutError
    return pattern.search(tag, timeout=seconds, concurrent=True) is not None


def newest(tags: Iterable[str]) -> str | None:
    """The highest tag in natural order, or None."""
    return max(tags, key=natural_key, default=None)
