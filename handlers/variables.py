"""`${VAR}` in a job's configuration, resolved from the job's environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

from handlers.errors import ConfigurationInvalid

VARIABLE = re.compile(r"\$\{(\w+)\}")


def resolve(text: str, key: str, environment: Mapping[str, str | None]) -> str:
    """Put in the value of every `${VAR}`. Raises ConfigurationInvalid that names the missing ones."""
    missing = sorted({name for name in VARIABLE.findall(text) if environment.get(name) is None})
    if missing:
        names = ", ".join("${" + name + "}" for name in missing)
        raise ConfigurationInvalid(
            f"resolve {key} «{text}»",
            f"the job has no environment variable for {names}",
            "Define it for the job, its stage, pipeline or environment, or check the spelling (case counts).",
        )
    return VARIABLE.sub(lambda match: environment[match[1]] or "", text)
