"""Where a registry may send us: never from TLS to plain HTTP, never from the public network into a private one."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import httpx

from registry.endpoint import Endpoint
from registry.translation import Purpose, not_a_registry


async def check_redirect(current: httpx.URL, location: str, endpoint: Endpoint, purpose: Purpose) -> httpx.URL:
    """The absolute address that a `Location` names, if it may be followed. Raises NotARegistry."""
    try:
        target = current.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise not_a_registry(purpose, "a redirect to something that is no address") from error
    await check_address(target, endpoint, purpose, "a redirect")
    return target


async def check_address(target: httpx.URL, endpoint: Endpoint, purpose: Purpose, what: str) -> None:
    """Refuse addresses that a registry has no reason to send us to. Raises NotARegistry."""
    if target.scheme not in ("http", "https") or not target.host:
        raise not_a_registry(purpose, f"{what} to an address without http or https")
    if target.userinfo:
        raise not_a_registry(purpose, f"{what} to an address with a user name inside")
    if endpoint.url.startswith("https://") and target.scheme == "http":
        raise not_a_registry(purpose, f"{what} from https to plain http ({target.host})")
    if _is_private(target.host) and await _is_public_host(httpx.URL(endpoint.url).host):
        raise not_a_registry(purpose, f"{what} into a private network ({target.host})")


def _is_private(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return False


async def _is_public_host(host: str) -> bool:
    if _is_private(host):
        return False
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        # Behind a proxy only the proxy can resolve it: then it is taken for public.
        return True
    return all(not _is_private(str(address[4][0])) for address in found)
