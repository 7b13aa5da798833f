"""A connection on a blocking socket, direct or through a proxy, plain or TLS. Its failures are httpx's."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpcore
import httpx

from registry.bulk.route import Route

_SENT_AT_ONCE = 256 * 1024


class Connection:
    """A socket to a host. Every call blocks, except `abort`, `close` and `is_stale`."""

    def __init__(self, route: Route, stream: httpcore.NetworkStream) -> None:
        self.route = route
        self._stream = stream
        self._socket: socket.socket = stream.get_extra_info("socket")
        self.is_nested = route.is_tls and (route.proxy or "").startswith("https:")
        """Whether this is TLS within a proxy's TLS, which has no socket of its own."""

    def limit(self, seconds: float | None) -> None:
        """How long each of the next calls may wait."""
        self._socket.settimeout(seconds)

    def receive_into(self, space: memoryview) -> int:
        """Fill the start of the space with what has come; 0 at the end. Raises httpx.ReadError or ReadTimeout."""
        with _errors(httpx.ReadTimeout, httpx.ReadError):
            if not self.is_nested:
                return self._socket.recv_into(space)
            piece = self._receive_nested(len(space))
            space[: len(piece)] = piece
            return len(piece)

    def _receive_nested(self, most: int) -> bytes:
        try:
            return self._stream.read(most, self._socket.gettimeout())
        except httpcore.ReadError as error:
            # A plain end to a socket of TLS is one, and here an error.
            if isinstance(error.__cause__, ssl.SSLEOFError | ssl.SSLZeroReturnError):
                return b""
            raise

    def send(self, piece: memoryview) -> memoryview:
        """Send a part, and give the rest: all of it when the host has something to say first.

        Raises httpx.WriteError, or WriteTimeout when the other side takes nothing for as long as the limit.
        """
        part = piece[:_SENT_AT_ONCE]
        with _errors(httpx.WriteTimeout, httpx.WriteError):
            if self.is_nested:
                self._stream.write(bytes(part), self._socket.gettimeout())
                return piece[len(part) :]
            with self._without_waiting() as seconds:
                while not self._is_ready(select.POLLIN, 0):
                    try:
                        return piece[self._socket.send(part) :]
                    except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                        if not self._is_ready(select.POLLIN | select.POLLOUT, seconds):
                            raise TimeoutError("nothing was taken") from None
                return piece

    def overheard(self, most: int) -> bytes | None:
        """What the host says while we are still sending; nothing at its end, None when it says nothing yet.

        Raises httpx.WriteError.
        """
        with _errors(httpx.WriteTimeout, httpx.WriteError), self._without_waiting():
            try:
                return self._socket.recv(most)
            except (BlockingIOError, ssl.SSLWantReadError):
                # TLS has said something of its own, such as a session ticket.
                return None

    @property
    def is_stale(self) -> bool:
        """Whether something came between two requests: the end, or what nobody asked for."""
        held_by_tls = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
        return held_by_tls or self._is_ready(select.POLLIN, 0)

    def _is_ready(self, what: int, seconds: float | None) -> bool:
        poll = select.poll()
        poll.register(self._socket, what)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    @contextmanager
    def _without_waiting(self) -> Iterator[float | None]:
        seconds = self._socket.gettimeout()
        self._socket.settimeout(0)
        try:
            yield seconds
        finally:
            self._socket.settimeout(seconds)

    def abort(self) -> None:
        """Let the call that blocks in another thread end at once, with a failure."""
        with suppress(OSError):
            # SSLSocket's own would take the TLS state away from the thread that is reading.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back."""
        self._stream.close()


@contextmanager
def _errors(late: type[httpx.TransportError], cut: type[httpx.TransportError]) -> Iterator[None]:
    try:
        yield
    except (TimeoutError, httpcore.TimeoutException) as error:
        raise late(str(error)) from error
    except (OSError, httpcore.NetworkError) as error:
        raise cut(str(error)) from error
