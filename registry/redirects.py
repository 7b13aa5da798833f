"""Where a registry may send us: never from TLS to plain HTTP, never from the public network into a private one."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time

import httpx

from registry.endpoint import Endpoint
from registry.translation import Purpose, not_a_registry

_SECONDS_TO_KEEP = 60.0
_MOST_NAMES = 1024

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


async def check_redirect(
    current: httpx.URL, location: str, endpoint: Endpoint, purpose: Purpose, what: str = "a redirect"
) -> httpx.URL:
    """The absolute address that a `Location` names, if it may be followed. Raises NotARegistry."""
    try:
        target = _repaired(current.join(location), httpx.URL(endpoint.url))
    except (httpx.InvalidURL, ValueError) as error:
        raise not_a_registry(purpose, f"{what} to something that is no address") from error
    await check_address(target, endpoint, purpose, what)
    return target


def _repaired(target: httpx.URL, base: httpx.URL) -> httpx.URL:
    # Behind a proxy that ends TLS, registries name their own host with http: that is meant to be our way to it.
    if (base.scheme, target.scheme, target.host) == ("https", "http", base.host) and target.port in (None, base.port):
        return target.copy_with(scheme=base.scheme, port=base.port)
    return target


async def check_address(target: httpx.URL, endpoint: Endpoint, purpose: Purpose, what: str) -> None:
    """Refuse addresses that a registry has no reason to send us to. Raises NotARegistry."""
    base = httpx.URL(endpoint.url)
    if target.scheme not in ("http", "https") or not target.host:
        raise not_a_registry(purpose, f"{what} to an address without http or https")
    if target.userinfo:
        raise not_a_registry(purpose, f"{what} to an address with a user name inside")
    if base.scheme == "https" and target.scheme == "http":
        raise not_a_registry(purpose, f"{what} from https to plain http ({target.host})")
    if target.host != base.host and await _is_inside(target) and await _is_public(base.host):
        raise not_a_registry(purpose, f"{what} into a private network ({target.host})")


async def _is_inside(target: httpx.URL) -> bool:
    if (literal := _literal(target.host)) is not None:
        return not literal.is_global
    # A name that leads to private addresses may well be right over TLS, where the certificate proves it: storage by
    # an endpoint within a cloud's network. This machine itself and its link never are (a cloud's metadata service).
    addresses = await _addresses(target.host)
    return any(
        _is_this_machine(address) or (target.scheme == "http" and not address.is_global) for address in addresses
    )


def _is_this_machine(address: Address) -> bool:
    return address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast


async def _is_public(host: str) -> bool:
    literal = _literal(host)
    addresses = [literal] if literal is not None else await _addresses(host)
    # Behind a proxy only the proxy can resolve a name: one without addresses is taken for public.
    return all(address.is_global for address in addresses)


def _literal(host: str) -> Address | None:
    if f".{host.rstrip('.')}".endswith(".localhost"):
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        return _unwrapped(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that stands in an IPv6 address, where one does (RFC 4291, section 2.5.5; RFC 6052)."""
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


_known: dict[str, tuple[float, list[Address]]] = {}


async def _addresses(host: str) -> list[Address]:
    kept_until, addresses = _known.get(host, (0.0, []))
    if time.monotonic() < kept_until:
        return addresses
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        # No address, or a name that can't have one: an empty label, or one that is too long.
        return []
    addresses = [_unwrapped(ipaddress.ip_address(str(entry[4][0]).partition("%")[0])) for entry in found]
    if len(_known) >= _MOST_NAMES:
        _known.clear()
    _known[host] = (time.monotonic() + _SECONDS_TO_KEEP, addresses)
    return addresses
