"""Paths below a working directory, as people write them into forms; agents run on Windows too."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from handlers.image_name import unresolved_secret


def problem_with_path(path: str) -> str | None:
    """What is wrong with a path that must stay inside the working directory, or None."""
    if problem := unresolved_secret(path):
        return problem
    windows = PureWindowsPath(path)
    if not windows.parts or "\0" in path:
        return "Name a file or folder below the working directory."
    if windows.drive or windows.root or PurePosixPath(path).is_absolute() or ".." in windows.parts:
        return "Give a path below the working directory, without .. and without a leading slash."
    return None
