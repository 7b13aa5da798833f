"""What a registry says about an error: read with suspicion, shortened, and freed of secrets.

OCI distribution-spec, «Error Codes».
"""

from __future__ import annotations

import json
import re
from typing import Any

from registry.errors import Diagnostic

_CONTROL_CHARACTERS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+"
)
"""Those of terminals, those that turn or hide what follows, and halves of characters, which no log takes."""
_LONGEST_MESSAGE = 300
_MOST_DIAGNOSTICS = 5
_SHORTEST_SECRET = 4
"""Characters; masking shorter ones would tear words apart and hide nothing."""


def read_diagnostics(body: bytes, secrets: tuple[str, ...] = ()) -> tuple[Diagnostic, ...]:
    """Read the registry's error entries; anything else is none."""
    try:
        entries = json.loads(body)["errors"]
        return tuple(_diagnostic(entry, secrets) for entry in entries[:_MOST_DIAGNOSTICS])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def _diagnostic(entry: dict[str, Any], secrets: tuple[str, ...]) -> Diagnostic:
    return Diagnostic(_clean(entry.get("code", "UNKNOWN"), secrets), _clean(entry.get("message") or "", secrets))


def _clean(text: object, secrets: tuple[str, ...]) -> str:
    plain = str(text)
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            plain = plain.replace(secret, "***")
    plain = _CONTROL_CHARACTERS.sub(" ", plain)
    if len(plain) <= _LONGEST_MESSAGE:
        return plain
    # Cut between words: a piece of an echoed secret could not be recognized and masked any more.
    return f"{plain[:_LONGEST_MESSAGE].rpartition(' ')[0]} …"
