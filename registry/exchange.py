"""One HTTP exchange with a host: what is asked, and the answer together with the place at the host that it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx

from registry.bounds import HostBound
from registry.limits import LARGEST_ERROR_BODY
from registry.scope import Scope
from registry.translation import Purpose, connection_failed, not_a_registry

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_MOST_DIGITS = 20

Body = bytes | Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: what it is for in words, and what is sent."""

    action: str
    method: str
    path: str
    """A path below the endpoint, or an absolute URL that the registry gave."""
    scopes: tuple[Scope, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    expected: frozenset[int] = frozenset({200})
    seconds: float | None = None
    """How long the answer may take to begin, and its body to be read; the common limits when None."""
    is_bulk: bool = False
    """Whether a blob's bytes are its body, or the answer's."""

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing."""
        return self.method in _SAFE_METHODS

    @property
    def is_streamed(self) -> bool:
        """Whether its body passes once, and is gone then."""
        return isinstance(self.body, Iterator)

    @property
    def may_be_repeated(self) -> bool:
        """Whether sending it twice does no harm: reads, and whole bodies that are put under a name."""
        return self.is_safe or (self.method == "PUT" and isinstance(self.body, bytes))


def number(text: str) -> int:
    """A number in a header, or 0 for anything else: hostile ones have more digits than Python reads."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _MOST_DIGITS else 0


class Answer:
    """A response whose body is not read yet. Its owner closes it, which gives connection and place back."""

    __slots__ = ("_bound", "response")

    def __init__(self, response: httpx.Response, bound: HostBound) -> None:
        self.response = response
        self._bound = bound

    @property
    def host(self) -> str:
        """`host[:port]` of whom it came from."""
        return self.response.url.netloc.decode()

    async def read(self, action: str, largest: int) -> bytes:
        """The whole body. Raises NotARegistry when it is larger than that, or ConnectionFailed when it is cut."""
        body = bytearray()
        try:
            async for chunk in self.response.aiter_raw():
                body += chunk
                if len(body) > largest:
                    raise not_a_registry(Purpose(action, self.host), f"more than {largest} bytes")
        except (httpx.HTTPError, OSError) as error:
            raise connection_failed(error, Purpose(action, self.host)) from error
        return bytes(body)

    async def read_error(self) -> bytes:
        """The start of the body; what can't be read counts as empty, as the status says enough."""
        body = bytearray()
        try:
            async for chunk in self.response.aiter_raw():
                body += chunk
                if len(body) > LARGEST_ERROR_BODY:
                    break
        except (httpx.HTTPError, OSError):
            return b""
        return bytes(body[:LARGEST_ERROR_BODY])

    async def aclose(self) -> None:
        """Close the response, and leave the host to the next one."""
        try:
            await self.response.aclose()
        finally:
            self._bound.leave()
