"""What every handler is given beside its request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from registry.client import RegistryClient


class Console(Protocol):
    """The job's console in GoCD; lines appear there while the request runs."""

    def info(self, message: str) -> None:
        """Show a line."""
        ...

    def error(self, message: str) -> None:
        """Show a line as an error."""
        ...


class SilentConsole:
    """For requests that have no console."""

    def info(self, message: str) -> None:
        """Drop the line."""

    def error(self, message: str) -> None:
        """Drop the line."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Context:
    """The common registry client, the job's console, and the limits that the settings draw."""

    client: RegistryClient
    console: Console = field(default_factory=SilentConsole)
    allowed_roots: tuple[Path, ...] = ()
    """Folders that working directories must lie in; empty means anywhere."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The service's own environment, for DOCKER_HOST and the like."""
    temporary_directory: Path | None = None
    """Where archives are unpacked; None means the working directory's file system."""
    now: Callable[[], datetime] = _now
