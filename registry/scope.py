"""Scopes: what a token is asked for (distribution's token scope documentation)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from registry.names import Repository

_ORDER = ("pull", "push", "delete", "*")


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


def united(scopes: Iterable[str]) -> tuple[str, ...]:
    """The same rights, each resource named once, in a fixed order."""
    actions_by_resource: dict[str, set[str]] = {}
    for scope in scopes:
        resource, _, actions = scope.rpartition(":")
        actions_by_resource.setdefault(resource, set()).update(actions.split(","))
    return tuple(f"{resource}:{_listed(actions)}" for resource, actions in sorted(actions_by_resource.items()))


def _listed(actions: set[str]) -> str:
    known = [action for action in _ORDER if action in actions]
    return ",".join(known + sorted(actions - {*_ORDER, ""}))
