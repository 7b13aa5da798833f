"""Where content is read: mirrors in their order, then the registry itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from registry.errors import ConnectionFailed, NotFound, RegistryError
from registry.names import Repository
from registry.registries import Mirror, Registries
from registry.transport import Transport

_SECONDS_TO_AVOID = 60.0
"""How long a mirror that could not be reached is passed over."""

Result = TypeVar("Result")
OpenMirror = Callable[[Mirror], Sequence[Transport]]
"""The ways to a mirror, in the order in which they are tried."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """One place to read from, and what the repository is called there."""

    transport: Transport
    repository: Repository


class Sources:
    """The sources of one registry. What they send is verified by whoever asks: a bad mirror is a failed one."""

    def __init__(
        self,
        origin: Transport,
        registries: Registries,
        open_mirror: OpenMirror,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._origin = origin
        self._registries = registries
        self._open_mirror = open_mirror
        self._clock = clock
        self._avoided_until: dict[str, float] = {}

    def check_allowed(self, repository: Repository) -> None:
        """Raise InvalidName for a repository that this machine's registries.conf blocks."""
        self._registries.check_allowed(repository)

    def has_mirror(self, repository: Repository) -> bool:
        """Whether any mirror may have the repository's content."""
        return bool(self._registries.mirrors(repository))

    async def read(
        self, repository: Repository, what: str, ask: Callable[[Source], Awaitable[Result]], *, by_tag: bool = False
    ) -> tuple[Result, str]:
        """Ask the mirrors one after another, and the registry itself last; the answer, and the host it came from.

        By tag, only mirrors count that are believed about tags. Raises what the registry itself raises.
        """
        for source in self._mirrors(repository, by_tag=by_tag):
            host = source.transport.access.registry.host
            try:
                result = await ask(source)
            except RegistryError as error:
                self._take_note(source, what, error)
            else:
                log.info("read from a mirror", what=what, mirror=host)
                return result, host
        return await ask(Source(self._origin, repository)), self._origin.access.registry.host

    def _mirrors(self, repository: Repository, *, by_tag: bool) -> Iterator[Source]:
        for mirror, there in self._registries.mirrors(repository):
            if by_tag and not mirror.has_tags:
                continue
            for transport in self._open_mirror(mirror):
                if self._clock() >= self._avoided_until.get(transport.access.endpoint.url, 0.0):
                    yield Source(transport, there)

    def _take_note(self, source: Source, what: str, error: RegistryError) -> None:
        endpoint = source.transport.access.endpoint.url
        if isinstance(error, ConnectionFailed):
            self._avoided_until[endpoint] = self._clock() + _SECONDS_TO_AVOID
        say = log.info if isinstance(error, NotFound) else log.warning
        say("mirror passed over", what=what, mirror=endpoint, problem=str(error))
