"""`${VAR}` in a job's configuration, resolved from the job's environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

from handlers.errors import ConfigurationInvalid

VARIABLE = re.compile(r"\$\{([^${}]+)\}")
PLACEHOLDER = re.compile(r"[$#]\{[^${}]+\}")
"""A variable, or one of GoCD's parameters: templates are validated before GoCD has put those in."""
_DEEPEST_NESTING = 8
_LONGEST_TEXT = 64 * 1024


def resolve(text: str, key: str, environment: Mapping[str, str | None]) -> str:
    """Put in the value of every `${VAR}`; values may name other variables, as GoCD itself never resolves them.

    Raises ConfigurationInvalid that names the missing variables. No value appears in it: it may be a secret.
    """
    resolved = text
    for _ in range(_DEEPEST_NESTING):
        names = VARIABLE.findall(resolved)
        if not names:
            return resolved
        _check_known(names, text, key, environment)
        resolved = VARIABLE.sub(lambda match: environment[match[1]] or "", resolved)
        if len(resolved) > _LONGEST_TEXT:
            break
    raise ConfigurationInvalid(
        f"resolve {key} «{text}»",
        "its variables name each other without an end",
        "Look at the values of the variables.",
    )


def _check_known(names: list[str], text: str, key: str, environment: Mapping[str, str | None]) -> None:
    missing = sorted({name for name in names if environment.get(name) is None})
    if missing:
        raise ConfigurationInvalid(
            f"resolve {key} «{text}»",
            f"the job has no environment variable for {', '.join('${' + name + '}' for name in missing)}",
            "Define it for the job, its stage, pipeline or environment, or check the spelling (case counts).",
        )
