"""The way to a host: direct or through a proxy, plain or TLS. httpcore's network backend opens the sockets."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import h11
import httpcore
import httpx

from registry.bulk.head import LARGEST_HEAD, Deadline, new_machine, read_head

_PORTS = {"http": 80, "https": 443}
_QUICK = 1.0
"""Seconds for each of several addresses before any gets all the time there is."""

NewContext = Callable[[], ssl.SSLContext]
"""The TLS settings of a registry; blocks when it is first called."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a connection leads and by which proxy: requests of the same route may follow each other on one."""

    scheme: str
    host: str
    port: int
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: httpx.URL, proxy: str | None) -> Route:
        """The route to a URL's host."""
        return cls(url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme], proxy)

    @property
    def is_tls(self) -> bool:
        """Whether the host is spoken to by TLS."""
        return self.scheme == "https"

    @property
    def is_forwarded(self) -> bool:
        """Whether a proxy reads the requests: then they name the host in full, and carry the proxy's login."""
        return self.proxy is not None and not self.is_tls

    def proxy_login(self) -> list[tuple[str, str]]:
        """The header with the login that stands in the proxy's address, if one does."""
        proxy = httpx.URL(self.proxy or "")
        if not proxy.username:
            return []
        login = f"{proxy.username}:{proxy.password}".encode()
        return [("Proxy-Authorization", f"Basic {base64.b64encode(login).decode()}")]


class ProxyRefused(httpx.ProxyError):
    """The proxy answered CONNECT with something else than yes."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the proxy answered {status}")
        self.status = status


def connect(route: Route, new_context: NewContext, seconds: float | None) -> httpcore.NetworkStream:
    """Open a connection; blocks, each step at most so long.

    Raises httpx.ConnectError, ConnectTimeout, ProxyError, or LocalProtocolError for names that can't be any.
    """
    proxy = httpx.URL(route.proxy) if route.proxy else None
    try:
        context = new_context() if route.is_tls or (proxy and proxy.scheme == "https") else None
        stream = _to_proxy(route, proxy, context, seconds) if proxy else _tcp(route.host, route.port, seconds)
        return _with_tls(stream, context, route.host, seconds) if route.is_tls and context else stream
    except httpcore.ConnectTimeout as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except httpcore.ConnectError as error:
        raise httpx.ConnectError(str(error)) from error
    except ValueError as error:
        raise httpx.LocalProtocolError(str(error)) from error


def _with_tls(
    stream: httpcore.NetworkStream, context: ssl.SSLContext, host: str, seconds: float | None
) -> httpcore.NetworkStream:
    # The dot that ends a full name stands in no certificate.
    return stream.start_tls(context, host.rstrip("."), seconds)


def _tcp(host: str, port: int, seconds: float | None) -> httpcore.NetworkStream:
    """Connect to the first of a host's addresses that answers; in two rounds, as a family may lead nowhere at all."""
    addresses = _addresses(host, port)
    deadline = Deadline(seconds)
    quick = [(address, _QUICK) for address in addresses] if len(addresses) > 1 else []
    failure: Exception | None = None
    for address, most in [*quick, *((address, None) for address in addresses)]:
        if failure and deadline.has_passed:
            break
        patience = min((limit for limit in (deadline.left, most) if limit is not None), default=None)
        try:
            return httpcore.SyncBackend().connect_tcp(address, port, patience)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            failure = error
    raise failure or httpcore.ConnectError(f"{host} has no address")


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _to_proxy(
    route: Route, proxy: httpx.URL, context: ssl.SSLContext | None, seconds: float | None
) -> httpcore.NetworkStream:
    try:
        stream = _tcp(proxy.raw_host.decode("ascii"), proxy.port or _PORTS[proxy.scheme], seconds)
        if proxy.scheme == "https" and context:
            stream = _with_tls(stream, context, proxy.host, seconds)
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        raise httpx.ProxyError(str(error)) from error
    if route.is_tls:
        try:
            _tunnel(stream, route, seconds)
        except BaseException:
            stream.close()
            raise
    return stream


def _tunnel(stream: httpcore.NetworkStream, route: Route, seconds: float | None) -> None:
    """CONNECT to the host (RFC 9110, section 9.3.6)."""
    host = f"[{route.host}]" if ":" in route.host else route.host
    place = f"{host}:{route.port}"
    machine = new_machine()
    request = h11.Request(method="CONNECT", target=place, headers=[("Host", place), *route.proxy_login()])
    try:
        stream.write(machine.send(request) or b"", seconds)
        answer = read_head(
            machine.next_event, lambda left: machine.receive_data(stream.read(LARGEST_HEAD, left)), seconds
        )
    except (h11.RemoteProtocolError, httpx.TransportError, httpcore.NetworkError, httpcore.TimeoutException) as error:
        raise httpx.ProxyError(str(error)) from error
    if not httpx.codes.is_success(answer.status_code):
        raise ProxyRefused(answer.status_code)
