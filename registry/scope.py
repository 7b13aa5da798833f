"""Scopes: what a token is asked for (distribution's token scope documentation)."""

from __future__ import annotations

from dataclasses import dataclass

from registry.names import Repository


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """The right to do some things with one repository: `repository:path:pull,push`."""

    path: str
    actions: tuple[str, ...] = ("pull",)

    @classmethod
    def pull(cls, repository: Repository) -> Scope:
        """To read."""
        return cls(repository.path)

    @classmethod
    def push(cls, repository: Repository) -> Scope:
        """To read and write."""
        return cls(repository.path, ("pull", "push"))

    def __str__(self) -> str:
        return f"repository:{self.path}:{','.join(self.actions)}"
