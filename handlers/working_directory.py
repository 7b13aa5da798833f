"""Paths that a request names: they stay inside the working directory, and it inside the allowed roots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from handlers.errors import ConfigurationInvalid, OutsideWorkingDirectory

_MOST_SHOWN = 10
_GLOB_CHARACTERS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class WorkingDirectory:
    """A job's directory, symbolic links resolved. All methods block: call them in a thread."""

    path: Path

    @classmethod
    def open(cls, text: str, allowed_roots: Sequence[Path]) -> WorkingDirectory:
        """Check a request's working directory. Raises OutsideWorkingDirectory or ConfigurationInvalid."""
        given = Path(text)
        if "\0" in text or not given.is_absolute():
            raise ConfigurationInvalid(
                f"use the working directory «{text}»", "it is not an absolute path", "The bridge sends it: check that."
            )
        real = given.resolve()
        if allowed_roots and not any(real.is_relative_to(root.resolve()) for root in allowed_roots):
            raise OutsideWorkingDirectory(
                f"use the working directory «{text}»",
                "it is outside of the folders that this server may use",
                "Allow its root in the server's settings (GOCD_REGISTRY_ALLOWED_ROOTS).",
            )
        if not real.is_dir():
            raise ConfigurationInvalid(
                f"use the working directory «{text}»",
                "there is no such folder on the machine of this server",
                "Run the server where the agent runs, or mount the agent's folders there.",
            )
        return cls(real)

    def inside(self, relative: str, key: str) -> Path:
        """A path below the directory, which need not exist. Raises OutsideWorkingDirectory."""
        self._check_relative(relative, key)
        path = self.path / relative
        # The parent is resolved apart: what is replaced may itself be a link, and is then replaced, not followed.
        if not (path.parent.resolve() / path.name).is_relative_to(self.path) or path.resolve() == self.path:
            raise self._outside(relative, key)
        if not path.resolve().is_relative_to(self.path):
            raise self._outside(relative, key)
        return path

    def only_match(self, pattern: str, key: str) -> Path:
        """The one file or folder that a glob pattern matches. Raises ConfigurationInvalid for none or several."""
        self._check_relative(pattern, key)
        matches = self._matches(pattern)
        if len(matches) != 1:
            shown = ", ".join(str(match.relative_to(self.path)) for match in matches[:_MOST_SHOWN])
            more = f" and {len(matches) - _MOST_SHOWN} more" if len(matches) > _MOST_SHOWN else ""
            raise ConfigurationInvalid(
                f"find {key} «{pattern}» in the working directory",
                f"it matches {len(matches)} files: {shown}{more}" if matches else "nothing is there under that name",
                "Make it match exactly one." if matches else "Check that the build writes it, and where.",
            )
        if not matches[0].resolve().is_relative_to(self.path):
            raise self._outside(pattern, key)
        return matches[0]

    def _matches(self, pattern: str) -> list[Path]:
        if not _GLOB_CHARACTERS & set(pattern):
            path = self.path / pattern
            return [path] if path.exists() else []
        try:
            return sorted(self.path.glob(pattern))
        except (ValueError, NotImplementedError):
            return []

    def _check_relative(self, relative: str, key: str) -> None:
        pure = PurePath(relative)
        if not relative or "\0" in relative or pure.is_absolute() or ".." in pure.parts:
            raise self._outside(relative, key)

    def _outside(self, relative: str, key: str) -> OutsideWorkingDirectory:
        return OutsideWorkingDirectory(
            f"use {key} «{relative}»",
            "it leads out of the working directory",
            "Give a path below the working directory, without .. and without links that leave it.",
        )
