"""Tag lists: asked for once for many, and for a moment not again; all the packages of a repository share one."""

from __future__ import annotations

import time
from collections.abc import Callable

from registry import tags
from registry.names import Repository
from registry.single_flight import SingleFlight
from registry.sources import Source, Sources

_MOST_LISTS = 256
_LONGEST_LIST = 20_000
"""Tags; a longer list is worth its memory while it is asked for only."""


class TagLists:
    """The lists of one registry; none that is older than `age` seconds is given."""

    def __init__(self, sources: Sources, age: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._sources = sources
        self._age = age
        self._clock = clock
        self._lists: dict[Repository, tuple[float, list[str]]] = {}
        self._asking: SingleFlight[Repository, list[str]] = SingleFlight()

    async def read(self, repository: Repository) -> list[str]:
        """Every tag of the repository. Raises a RegistryError."""
        asked_at, known = self._lists.get(repository, (float("-inf"), []))
        if self._clock() - asked_at < self._age:
            return known
        return await self._asking.do(repository, lambda: self._ask(repository))

    def forget(self, repository: Repository) -> None:
        """Ask again: we have changed it ourselves."""
        self._lists.pop(repository, None)

    async def _ask(self, repository: Repository) -> list[str]:
        async def ask(source: Source) -> list[str]:
            return await tags.list_tags(source.transport, source.repository)

        self._lists.pop(repository, None)
        began = self._clock()
        found, _ = await self._sources.read(repository, f"the tags of {repository}", ask, by_tag=True)
        if len(self._lists) >= _MOST_LISTS:
            self._lists.pop(next(iter(self._lists)))
        if len(found) <= _LONGEST_LIST and self._age:
            self._lists[repository] = (began, found)
        return found
