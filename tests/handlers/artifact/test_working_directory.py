"""Paths that a request names stay inside the working directory, and that inside the allowed roots."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handlers.errors import ConfigurationInvalid, OutsideWorkingDirectory
from handlers.working_directory import WorkingDirectory


@pytest.fixture
def directory(tmp_path: Path) -> WorkingDirectory:
    """With files, a folder, and links of all kinds; a secret beside it."""
    (tmp_path / "secret").write_text("beside")
    job = tmp_path / "job"
    (job / "sub").mkdir(parents=True)
    for name in ("a.tar", "b.tar", "c.txt", "sub/d.tar", "[x].tar"):
        (job / name).write_text(name)
    (job / "out").symlink_to(tmp_path)
    (job / "out-file").symlink_to(tmp_path / "secret")
    (job / "within").symlink_to(job / "sub")
    (job / "circle").symlink_to(job / "circle")
    os.mkfifo(job / "pipe")
    return WorkingDirectory.open(str(job), ())


@pytest.mark.parametrize("name", ["x", "sub/x/y", "a.tar", "within/x", "./x"])
def test_paths_below_are_inside(name: str, directory: WorkingDirectory) -> None:
    assert directory.inside(name, "Destination") == directory.path / name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "sub/../../x", "/x", "/", "out", "out/x", "out-file", "sub/../..", "a\0b", "\\x", "C:x"],
)
def test_paths_that_lead_out_are_refused(name: str, directory: WorkingDirectory) -> None:
    with pytest.raises(OutsideWorkingDirectory, match="Destination"):
        directory.inside(name, "Destination")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.tar", "a.tar"),
        ("a.*", "a.tar"),
        ("*/d.tar", "sub/d.tar"),
        ("s*b", "sub"),
        ("[x].tar", "[x].tar"),
        ("**/d.tar", "sub/d.tar"),
        ("within", "within"),
    ],
)
def test_a_pattern_finds_its_one_match(pattern: str, found: str, directory: WorkingDirectory) -> None:
    if pattern.startswith("*"):
        (directory.path / "within").unlink()
    assert directory.only_match(pattern, "ImagePath") == directory.path / found


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("missing", "nothing is there"),
        ("*.zip", "nothing is there"),
        ("pipe", "nothing is there"),
        ("[ab].tar", r"matches 2 files: a.tar, b.tar\. Make it match exactly one"),
        ("circle", "nothing is there|levels of symbolic links|circle"),
        ("x" * 300, "File name too long"),
    ],
)
def test_none_or_several_matches_are_an_error(pattern: str, words: str, directory: WorkingDirectory) -> None:
    with pytest.raises(ConfigurationInvalid, match=words):
        directory.only_match(pattern, "ImagePath")


@pytest.mark.parametrize("pattern", ["../secret", "../*", "/etc/*", "out-f*", "out/secret", "o*/secret", "sub/../../*"])
def test_matches_outside_are_refused(pattern: str, directory: WorkingDirectory) -> None:
    with pytest.raises(OutsideWorkingDirectory):
        directory.only_match(pattern, "ImagePath")


def test_a_long_list_of_matches_is_cut(directory: WorkingDirectory) -> None:
    for number in range(50):
        (directory.path / f"many-{number:02}").touch()
    with pytest.raises(ConfigurationInvalid, match="50 files: many-00, .*many-09 and 40 more"):
        directory.only_match("many-*", "ImagePath")


def test_a_small_file_is_read_without_its_byte_order_mark(directory: WorkingDirectory) -> None:
    (directory.path / "tags").write_bytes(b"\xef\xbb\xbf1.4")
    assert directory.read("tags", "TagsFile", 10) == "1.4"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "TagsFile «missing»: No such file"),
        ("sub", "not a file"),
        ("pipe", "not a file"),
        ("c.txt", "more than 4 bytes"),
        ("circle", "circle|symbolic links"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(name: str, words: str, directory: WorkingDirectory) -> None:
    with pytest.raises(ConfigurationInvalid, match=words):
        directory.read(name, "TagsFile", 4)


def test_the_allowed_roots_are_compared_after_links(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    (root / "job").mkdir(parents=True)
    elsewhere.mkdir()
    (root / "escape").symlink_to(elsewhere)
    (tmp_path / "alias").symlink_to(root)
    assert WorkingDirectory.open(str(tmp_path / "alias" / "job"), [root]).path == root / "job"
    assert WorkingDirectory.open(str(root / "job"), [tmp_path / "alias"]).path == root / "job"
    for outside in (elsewhere, root / "escape", root / ".." / "elsewhere", tmp_path, tmp_path / "root2"):
        with pytest.raises(OutsideWorkingDirectory, match="GOCD_REGISTRY_ALLOWED_ROOTS"):
            WorkingDirectory.open(str(outside), [root])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not an absolute path"),
        ("relative", "not an absolute path"),
        ("/no/such/folder", "no such folder"),
        ("/a\0b", "not an absolute path"),
        ("/" + "x" * 300, "File name too long"),
    ],
)
def test_a_working_directory_that_is_none_says_why(text: str, words: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=words):
        WorkingDirectory.open(text, ())


def test_a_file_is_no_working_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationInvalid, match="no such folder"):
        WorkingDirectory.open(str(tmp_path / "file"), ())
