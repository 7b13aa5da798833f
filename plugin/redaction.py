"""Masks the secrets of the request under way in everything that a person or a machine may read.

Belt and braces: handlers and the registry client write no secrets. What a registry echoes back,
what a library puts into its error, and what a traceback quotes is caught here.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from urllib.parse import quote, quote_plus

MASK = "******"

_SHORT = 4
"""Characters; shorter secrets are masked only where they stand alone, or every word would have stars in it."""
_LONG_LINE = 16
"""Characters; such lines of a secret of several lines (a service account's key) are masked by themselves too."""
_BASE64_WORTHWHILE = 6
"""Bytes; shorter secrets give base64 pieces that occur by chance."""

_KNOWN_SHAPES = re.compile(
    r"""(?ix)
    (?P<before>
        \bauthorization["']?\s*[:=]\s*["']?(?:basic|bearer)\s+   # a header
      | \b(?:basic|bearer)\s+(?=\S*[0-9])(?=\S{12})              # its value: longer than a word, with a digit
      | ://[^\s/:@]*:                                            # a URL with a user
      | \bx-amz-(?:signature|security-token|credential)=         # a signed URL
    )
    (?P<secret>(?<=:)[^\s/@]+(?=@) | (?<!:)[A-Za-z0-9._~+/=%-]+)
    """
)
"""What looks like a credential, whosever it is."""


class Secrets:
    """The secret values of one request, and the forms in which they might come to light."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = frozenset(value for value in values if value.strip())

    @cached_property
    def _long(self) -> tuple[str, ...]:
        forms = {form for value in self._values for form in _forms(value) if len(form) >= _SHORT}
        return tuple(sorted(forms, key=lambda form: (-len(form), form)))

    @cached_property
    def _short(self) -> re.Pattern[str] | None:
        values = sorted(re.escape(value) for value in self._values if len(value) < _SHORT)
        return re.compile(rf"(?<!\w)(?:{'|'.join(values)})(?!\w)") if values else None

    def mask(self, text: str) -> str:
        """Replace every secret, whole or encoded, and whatever looks like one, with stars."""
        text = _KNOWN_SHAPES.sub(rf"\g<before>{MASK}", text)
        for form in self._long:
            text = text.replace(form, MASK)
        return self._short.sub(MASK, text) if self._short else text


_NONE = Secrets()
_current: ContextVar[Secrets] = ContextVar("secrets", default=_NONE)


@contextmanager
def masking(values: Iterable[str]) -> Iterator[Secrets]:
    """Mask these values for the length of the block, in this task and in all it starts."""
    secrets = Secrets(values)
    token = _current.set(secrets)
    try:
        yield secrets
    finally:
        _current.reset(token)


def masked(text: str) -> str:
    """The text without the secrets of the request under way."""
    return _current.get().mask(text)


def _forms(value: str) -> Iterator[str]:
    pieces = {value, value.strip()} | {line.strip() for line in value.splitlines() if len(line.strip()) >= _LONG_LINE}
    for piece in pieces:
        yield piece
        yield quote(piece, safe="")
        yield quote(piece)
        yield quote_plus(piece)
        yield json.dumps(piece)[1:-1]
        yield json.dumps(piece, ensure_ascii=False)[1:-1]
        yield repr(piece)[1:-1]
        yield from _base64_forms(piece.encode())


def _base64_forms(value: bytes) -> Iterator[str]:
    """The characters that stay the same wherever in a longer text the value was encoded, as in `user:password`."""
    if len(value) < _BASE64_WORTHWHILE:
        return
    for before in range(3):
        first = -(-before * 8 // 6)
        last = (before + len(value)) * 8 // 6
        piece = base64.b64encode(b"\0" * before + value).decode()[first:last]
        yield piece
        yield piece.replace("+", "-").replace("/", "_")
