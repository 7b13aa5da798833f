from __future__ import annotations

import random

import pytest

from registry.errors import InvalidName
from registry.versions import is_version, matching, natural_key, newest

IN_ORDER = [
    ["1.9", "1.10"],
    ["1.0", "1.0-rc1", "1.0.1", "2"],
    ["build-9", "build-10", "build-100"],
    ["v1.2.3", "v1.2.10", "v1.10.0"],
    ["2024.01.09", "2024.01.10", "2024.2.1"],
    ["20240101000000000000000000000009", "20240101000000000000000000000010", "1" + "0" * 100],
    ["1.01", "1.1", "1.02"],
    ["a-", "a1", "ab"],
]


@pytest.mark.parametrize("tags", IN_ORDER)
def test_every_run_of_digits_compares_as_a_number(tags: list[str]) -> None:
    shuffled = random.Random(1).sample(tags, len(tags))
    assert sorted(shuffled, key=natural_key) == tags
    assert newest(shuffled) == tags[-1]


def test_no_tags_have_no_newest() -> None:
    assert newest([]) is None


@pytest.mark.parametrize("suffix", ["", ".sig", ".att", ".sbom"])
def test_signatures_never_count_as_versions(suffix: str) -> None:
    assert not is_version(f"sha256-{'a' * 64}{suffix}")
    assert is_version("sha256-short")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", ["1.0", "1.1-rc", "main"]),
        (r"^1\.", ["1.0", "1.1-rc"]),
        ("rc", ["1.1-rc"]),
        (r"^\d+\.\d+$", ["1.0"]),
        (r"^(?!.*rc)", ["1.0", "main"]),
        (r"\p{Alpha}{4}", ["main"]),
        ("none", []),
    ],
)
def test_a_filter_is_found_anywhere_in_the_tag(pattern: str, found: list[str]) -> None:
    assert matching(["1.0", "1.1-rc", "main"], pattern) == found


def test_a_filter_that_never_ends_is_stopped() -> None:
    with pytest.raises(InvalidName, match="takes more than"):
        matching(["a" * 100 + "b"] * 3, r"^(a|aa|a?)+$")


def test_a_filter_that_is_none_says_where() -> None:
    with pytest.raises(InvalidName, match="position"):
        matching(["1"], "(1")
