"""`${VAR}`: resolved from the job's environment, or an error that names what is missing."""

from __future__ import annotations

import pytest

from handlers.errors import ConfigurationInvalid
from handlers.variables import resolve

ENVIRONMENT = {
    "NAME": "app",
    "LABEL": "1.4",
    "TAG": "v${LABEL}",
    "EMPTY": "",
    "NULL": None,
    "with.dot": "x",
    "ROUND": "${ROUND}",
    "DOLLAR": "$5",
}


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("", ""),
        ("plain", "plain"),
        ("team/${NAME}", "team/app"),
        ("${NAME}-${LABEL}", "app-1.4"),
        ("${TAG}", "v1.4"),
        ("a${EMPTY}b", "ab"),
        ("${with.dot}", "x"),
        ("${DOLLAR}", "$5"),
        ("$NAME", "$NAME"),
    ],
)
def test_variables_are_put_in(text: str, resolved: str) -> None:
    assert resolve(text, "Tag", ENVIRONMENT) == resolved


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${MISSING}", r"resolve Tag «\$\{MISSING\}»: .*no environment variable for \$\{MISSING\}"),
        ("${name}", r"for \$\{name\}"),
        ("${NULL}", r"for \$\{NULL\}"),
        ("${B} ${A} ${B}", r"for \$\{A\}, \$\{B\}"),
        ("${ROUND}", "without an end"),
    ],
)
def test_what_can_not_be_resolved_is_named(text: str, words: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=words):
        resolve(text, "Tag", ENVIRONMENT)


def test_growth_without_end_is_stopped() -> None:
    with pytest.raises(ConfigurationInvalid, match="without an end"):
        resolve("${A}", "Tag", {"A": "${A}" * 100})
