"""A connection on a blocking socket, direct or through a proxy, plain or TLS. Its failures are httpx's."""

from __future__ import annotations

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
        # TLS within a proxy's TLS has no socket of its own.
        self._is_nested = route.is_tls and (route.proxy or "").startswith("https:")

    def limit(self, seconds: float | None) -> None:
        """How long each of the next calls may wait."""
        self._socket.settimeout(seconds)

    def receive_into(self, space: memoryview) -> int:
        """Fill the start of the space with what has come; 0 at the end. Raises httpx.ReadError or ReadTimeout."""
        with _errors(httpx.ReadTimeout, httpx.ReadError):
            if not self._is_nested:
                return self._socket.recv_into(space)
            piece = self._stream.read(len(space), self._socket.gettimeout())
            space[: len(piece)] = piece
            return len(piece)

    def send(self, piece: bytes | memoryview) -> None:
        """Send all of it; the limit is for each part that the other side takes. Raises WriteError or WriteTimeout."""
        rest = memoryview(piece)
        with _errors(httpx.WriteTimeout, httpx.WriteError):
            while rest:
                part = rest[:_SENT_AT_ONCE]
                if self._is_nested:
                    self._stream.write(bytes(part), self._socket.gettimeout())
                    rest = rest[len(part) :]
                else:
                    rest = rest[self._socket.send(part) :]

    def overheard(self, most: int) -> bytes:
        """What the host says while we are still sending, without waiting for it. Raises httpx.WriteError."""
        if self._is_nested or not self._stream.get_extra_info("is_readable"):
            return b""
        seconds = self._socket.gettimeout()
        self._socket.settimeout(0)
        try:
            return self._socket.recv(most)
        except (BlockingIOError, ssl.SSLWantReadError):
            # TLS has said something of its own, such as a session ticket.
            return b""
        except OSError as error:
            raise httpx.WriteError(str(error)) from error
        finally:
            self._socket.settimeout(seconds)

    @property
    def is_stale(self) -> bool:
        """Whether something came between two requests: the end, or what nobody asked for."""
        return bool(self._stream.get_extra_info("is_readable"))

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
