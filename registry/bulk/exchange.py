"""One request and its answer on a blocking connection. h11 speaks HTTP; a body's bytes pass it by where they can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import h11
import httpx

from registry.bulk.connection import Connection
from registry.bulk.head import LARGEST_HEAD, new_machine, read_head
from registry.bulk.route import NewContext, Route, connect

_SPACE = 256 * 1024
"""Bytes received at once: few enough to be in the core's cache still when they are hashed and written."""
_LEAST = 64 * 1024
"""Bytes that are worth hashing and writing; TLS gives 16 KiB at a time."""

Take = Callable[[memoryview], None]
"""Takes the next bytes, which are gone when it returns. Called in a thread, and may block."""


class Exchange:
    """Asks, and reads the answer: each call in a thread and after the other, but for `abort`."""

    def __init__(self, request: httpx.Request, route: Route, idle: Connection | None) -> None:
        """`idle` is a connection that an earlier exchange has left."""
        self._request = request
        self._route = route
        self._connection = idle
        self._times = request.extensions.get("timeout", {})
        self._machine = new_machine()
        self._answer: h11.Response | None = None
        self._is_sent = self._is_read = self._is_aborted = False

    def ask(self, new_context: NewContext) -> h11.Response:
        """Send the request, and read the head of the answer. Raises httpx.TransportError, and what the body raises."""
        try:
            if self._connection is None:
                stream = connect(self._route, new_context, self._times.get("connect"))
                self._connection = Connection(self._route, stream)
            self._check_wanted()
            self._send(self._connection)
            answer = self._answer = self._answer or self._read_head(self._connection)
        except BaseException:
            self.close()
            raise
        return answer

    def pour(self, take: Take) -> None:
        """Give the body away, in order and as it comes. Raises httpx.TransportError, and what `take` raises."""
        connection = self._open_connection()
        space = memoryview(bytearray(_SPACE))
        left = self._length()
        while not self._has_ended():
            parsed = self._parsed(take)
            if self._has_ended():
                return
            if left is None:
                self._feed(connection, space)
            else:
                self._pass_by(connection, space, left - parsed, take)

    def read(self, most: int) -> bytes:
        """Some bytes of the body; none at its end. Raises httpx.TransportError."""
        connection = self._open_connection()
        space, pieces = memoryview(bytearray(most)), list[bytes]()
        while not self._has_ended() and not self._parsed(lambda piece: pieces.append(bytes(piece))):
            if not self._has_ended():
                self._feed(connection, space)
        return b"".join(pieces)

    def abort(self) -> bool:
        """End the call in the other thread; whether that ends at once, which it does not while it is connecting."""
        self._is_aborted = True
        if self._connection is None:
            return False
        self._connection.abort()
        return True

    def leave(self) -> Connection | None:
        """The connection when another exchange can follow on it; otherwise it is closed. Does not block."""
        if self._connection is not None and self._can_follow():
            return self._connection
        self.close()
        return None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def _check_wanted(self) -> None:
        if self._is_aborted:
            raise httpx.ReadError("given up while connecting")

    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise httpx.ReadError("nothing was asked")
        self._connection.limit(self._times.get("read"))
        return self._connection

    def _send(self, connection: Connection) -> None:
        connection.limit(self._times.get("write"))
        head = self._spoken(self._head())
        pieces = self._request.stream
        if not isinstance(pieces, httpx.SyncByteStream):
            raise TypeError("the body of a bulk request is bytes or an iterable of them")
        self._is_sent = self._is_taken(connection, head) and all(
            self._is_taken(connection, self._spoken(h11.Data(data=piece))) for piece in pieces if piece
        )
        if self._is_sent:
            # Nothing is left to be sent: every body has its length.
            self._spoken(h11.EndOfMessage())

    def _head(self) -> h11.Request:
        url, headers = self._request.url, list(self._request.headers.raw)
        target = url.raw_path
        if self._route.is_forwarded:
            target = str(url.copy_with(userinfo=b"", fragment=None)).encode("ascii")
            headers += [(name.encode(), value.encode()) for name, value in self._route.proxy_login()]
        with _protocol_errors():
            return h11.Request(method=self._request.method, target=target, headers=headers)

    def _is_taken(self, connection: Connection, piece: bytes) -> bool:
        """Send a piece, unless the host has answered already or has gone: its answer may say why, and is read next."""
        rest = memoryview(piece)
        try:
            while rest:
                left = connection.send(rest)
                if len(left) == len(rest) and self._is_answered(connection):
                    return False
                rest = left
        except httpx.WriteError:
            self._machine.send_failed()
            return False
        return True

    def _is_answered(self, connection: Connection) -> bool:
        heard = connection.overheard(LARGEST_HEAD)
        if heard is None:
            return False
        self._heard(heard)
        while isinstance(event := self._next_event(), h11.InformationalResponse):
            pass
        if not isinstance(event, h11.Response):
            return False
        self._answer = event
        self._machine.send_failed()
        return True

    def _read_head(self, connection: Connection) -> h11.Response:
        space = memoryview(bytearray(LARGEST_HEAD))

        def feed(seconds: float | None) -> None:
            connection.limit(seconds)
            self._feed(connection, space)

        return read_head(self._next_event, feed, self._times.get("read"))

    def _length(self) -> int | None:
        """The body's bytes where they can be counted without h11: not in chunks, nor without a length."""
        headers = dict(self._answer.headers) if self._answer else {}
        length = headers.get(b"content-length")
        return int(length) if length and b"transfer-encoding" not in headers else None

    def _parsed(self, take: Take) -> int:
        """Give away what h11 holds of the body; how much that was."""
        given = 0
        while isinstance(event := self._next_event(), h11.Data):
            given += len(event.data)
            take(memoryview(event.data))
        self._is_read = event is not h11.NEED_DATA
        return given

    def _pass_by(self, connection: Connection, space: memoryview, left: int, take: Take) -> None:
        """Give away the rest of a body as it is received, without another copy."""
        while left:
            filled, wanted = 0, min(_LEAST, left)
            try:
                while filled < wanted:
                    size = connection.receive_into(space[filled : min(_SPACE, left)])
                    if not size:
                        raise httpx.ReadError(f"the connection ended {left - filled} bytes too early")
                    filled += size
            finally:
                # What has come has come, whatever happens next.
                take(space[:filled])
            left -= filled
        self._is_read = True

    def _has_ended(self) -> bool:
        return self._is_read

    def _feed(self, connection: Connection, space: memoryview) -> None:
        size = connection.receive_into(space)
        self._heard(bytes(space[:size]))

    def _heard(self, piece: bytes) -> None:
        with _protocol_errors():
            self._machine.receive_data(piece)

    def _next_event(self) -> object:
        try:
            return self._machine.next_event()
        except h11.RemoteProtocolError as error:
            rest, has_ended = self._machine.trailing_data
            is_cut = has_ended and (not rest or self._answer or rest.startswith(b"HTTP/"))
            raise (httpx.ReadError if is_cut else httpx.RemoteProtocolError)(str(error)) from error

    def _spoken(self, event: h11.Event) -> bytes:
        with _protocol_errors():
            said = self._machine.send_with_data_passthrough(event) or []
        return said[0] if len(said) == 1 else b"".join(said)

    def _can_follow(self) -> bool:
        answer, connection = self._answer, self._connection
        if not (answer and self._is_sent and not self._is_aborted and answer.http_version == b"1.1"):
            return False
        if connection is None or connection.is_nested:
            return False
        if any(name == b"connection" and b"close" in value.lower() for name, value in answer.headers):
            return False
        return (self._is_read or self._rest_is_here()) and self._machine.trailing_data == (b"", False)

    def _rest_is_here(self) -> bool:
        """Whether the body, such as a redirect's, is so short that it came with the head."""
        try:
            self._parsed(_drop)
        except httpx.TransportError:
            return False
        return self._is_read


def _drop(piece: memoryview) -> None:
    """Take what nobody wants."""


@contextmanager
def _protocol_errors() -> Iterator[None]:
    try:
        yield
    except h11.RemoteProtocolError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
    except h11.LocalProtocolError as error:
        raise httpx.LocalProtocolError(str(error)) from error
