"""Paths that a request names: they stay inside the working directory, and it inside the allowed roots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from handlers.errors import ConfigurationInvalid, OutsideWorkingDirectory
from handlers.relative_paths import problem_with_path

_MOST_SHOWN = 10
_LONGEST_ECHO = 300
_OUT = "it leads out of the working directory"
_GLOB_CHARACTERS = frozenset("*?[")


@contextmanager
def _readable(action: str) -> Iterator[None]:
    """Translate what the operating system refuses: no permission, a name too long, links in a circle."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else "its links lead in a circle"
        raise ConfigurationInvalid(
            action, cause, "Check that it is there, and that this server may read it."
        ) from error


@dataclass(frozen=True, slots=True)
class WorkingDirectory:
    """A job's directory, symbolic links resolved. All methods block: call them in a thread."""

    path: Path

    @classmethod
    def open(cls, text: str, allowed_roots: Sequence[Path]) -> WorkingDirectory:
        """Check a request's working directory. Raises OutsideWorkingDirectory or ConfigurationInvalid."""
        action = f"use the working directory «{text[:_LONGEST_ECHO]}»"
        given = Path(text)
        if "\0" in text or not given.is_absolute():
            raise ConfigurationInvalid(action, "it is not an absolute path", "The bridge sends it: check that.")
        with _readable(action):
            real = given.resolve()
            if allowed_roots and not any(real.is_relative_to(root.resolve()) for root in allowed_roots):
                raise OutsideWorkingDirectory(
                    action,
                    "it is outside of the folders that this server may use",
                    "Allow its root in the server's settings (GOCD_REGISTRY_ALLOWED_ROOTS).",
                )
            if not real.is_dir():
                raise ConfigurationInvalid(
                    action,
                    "there is no such folder on the machine of this server",
                    "Run the server where the agent runs, or mount the agent's folders there.",
                )
        return cls(real)

    def inside(self, relative: str, key: str) -> Path:
        """A path below the directory, which need not exist. Raises OutsideWorkingDirectory or ConfigurationInvalid."""
        self._check_relative(relative, key)
        path = self.path / relative
        with _readable(f"use {key} «{relative[:_LONGEST_ECHO]}»"):
            # The parent is resolved apart: what is replaced may itself be a link, and is then replaced, not followed.
            parent, real = path.parent.resolve() / path.name, path.resolve()
        if real == self.path or not (parent.is_relative_to(self.path) and real.is_relative_to(self.path)):
            raise self._outside(relative, key)
        return path

    def only_match(self, pattern: str, key: str) -> Path:
        """The one file or folder that a glob pattern matches. Raises ConfigurationInvalid for none or several."""
        self._check_relative(pattern, key)
        action = f"find {key} «{pattern[:_LONGEST_ECHO]}» in the working directory"
        with _readable(action):
            matches = self._matches(pattern)
            if len(matches) != 1:
                raise ConfigurationInvalid(action, *self._why_not_one(matches))
            if not matches[0].resolve().is_relative_to(self.path):
                raise self._outside(pattern, key)
        return matches[0]

    def _why_not_one(self, matches: Sequence[Path]) -> tuple[str, str]:
        if not matches:
            return "nothing is there under that name", "Check that the build writes it, and where."
        shown = ", ".join(str(match.relative_to(self.path)) for match in matches[:_MOST_SHOWN])
        more = f" and {len(matches) - _MOST_SHOWN} more" if len(matches) > _MOST_SHOWN else ""
        return f"it matches {len(matches)} files: {shown}{more}", "Make it match exactly one."

    def _matches(self, pattern: str) -> list[Path]:
        literal = self.path / pattern
        found = [literal] if literal.exists() or not _GLOB_CHARACTERS & set(pattern) else self._glob(pattern)
        return [path for path in found if path.is_file() or path.is_dir()]

    def _glob(self, pattern: str) -> list[Path]:
        try:
            return sorted(self.path.glob(pattern))
        except (ValueError, NotImplementedError):
            return []

    def read(self, relative: str, key: str, most: int) -> str:
        """A small text file. Raises OutsideWorkingDirectory or ConfigurationInvalid."""
        action = f"read {key} «{relative[:_LONGEST_ECHO]}»"
        path = self.inside(relative, key)
        with _readable(action):
            # Reading a pipe would never end.
            if path.exists() and not path.is_file():
                raise ConfigurationInvalid(action, "it is not a file", "Name the file that the build writes.")
            with path.open("rb") as file:
                content = file.read(most + 1)
        if len(content) > most:
            raise ConfigurationInvalid(action, f"it has more than {most} bytes", "Name another file.")
        return content.decode("utf-8-sig", errors="replace")

    def _check_relative(self, relative: str, key: str) -> None:
        if problem := problem_with_path(relative):
            raise OutsideWorkingDirectory(f"use {key} «{relative[:_LONGEST_ECHO]}»", _OUT, problem)

    def _outside(self, relative: str, key: str) -> OutsideWorkingDirectory:
        return OutsideWorkingDirectory(
            f"use {key} «{relative[:_LONGEST_ECHO]}»",
            _OUT,
            "Give a path below the working directory, without .. and without links that leave it.",
        )
