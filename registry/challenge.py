"""Challenges: `WWW-Authenticate` parsed by RFC 9110, section 11."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PARAMETER = re.compile(rf"({_WORD})[ \t]*=[ \t]*({_QUOTED}|{_WORD})")
_WORD68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))")
_SCHEME = re.compile(rf"({_WORD})(?:[ \t]+|(?=,)|$)")
_SEPARATORS = re.compile(r"[ \t,]*")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server asks for: a scheme (lower case) and its parameters (names in lower case)."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Parse every challenge of every header, in order; what can't be read is passed over."""
    return [challenge for header in headers for challenge in _parse_header(header)]


def _parse_header(header: str) -> list[Challenge]:
    challenges: list[Challenge] = []
    position = _skip_separators(header, 0)
    while position < len(header):
        scheme = _SCHEME.match(header, position)
        if not scheme:
            break
        parameters, position = _parse_parameters(header, scheme.end())
        challenges.append(Challenge(scheme[1].lower(), parameters))
        position = _skip_separators(header, position)
    return challenges


def _parse_parameters(header: str, position: int) -> tuple[dict[str, str], int]:
    parameters: dict[str, str] = {}
    if (token68 := _WORD68.match(header, position)) and not _PARAMETER.match(header, position):
        return parameters, token68.end()
    while parameter := _PARAMETER.match(header, _skip_separators(header, position)):
        parameters.setdefault(parameter[1].lower(), _unquoted(parameter[2]))
        position = parameter.end()
    return parameters, position


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def _skip_separators(header: str, position: int) -> int:
    match = _SEPARATORS.match(header, position)
    return match.end() if match else position
