from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.challenge import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="x"', [Challenge("basic", {"realm": "x"})]),
        ("Basic", [Challenge("basic", {})]),
        (
            'Bearer realm="https://a/token",service="s",scope="repository:a/b:pull,push"',
            [Challenge("bearer", {"realm": "https://a/token", "service": "s", "scope": "repository:a/b:pull,push"})],
        ),
        (
            'Basic realm="b", Bearer realm="t" , service=s',
            [Challenge("basic", {"realm": "b"}), Challenge("bearer", {"realm": "t", "service": "s"})],
        ),
        (
            'Bearer realm="a \\"quoted\\" word, with comma"',
            [Challenge("bearer", {"realm": 'a "quoted" word, with comma'})],
        ),
        ("Negotiate dG9rZW4=, Basic realm=x", [Challenge("negotiate", {}), Challenge("basic", {"realm": "x"})]),
        ('bearer REALM="up"', [Challenge("bearer", {"realm": "up"})]),
        ("", []),
    ],
)
def test_challenges_are_read_as_rfc_9110_writes_them(header: str, expected: list[Challenge]) -> None:
    assert parse_challenges([header]) == expected


def test_several_headers_are_several_challenges() -> None:
    assert [c.scheme for c in parse_challenges(["Basic realm=a", "Bearer realm=b"])] == ["basic", "bearer"]


@given(st.lists(st.text(max_size=200), max_size=3))
def test_any_header_is_read_without_failing(headers: list[str]) -> None:
    parse_challenges(headers)
