"""Proxies from the environment, by the rules that container tools share: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.request import getproxies_environment

import httpx


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxy for each scheme, and the hosts that are reached without one."""

    by_scheme: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls) -> Proxies:
        """As the environment is now; upper-case and lower-case names both count."""
        return cls(getproxies_environment())

    def of(self, url: httpx.URL) -> str | None:
        """The proxy's address for this URL, or None for a direct connection. Raises httpx.ProxyError for SOCKS."""
        proxy = self.by_scheme.get(url.scheme) or self.by_scheme.get("all")
        if not proxy or self._goes_direct(url.host, url.netloc.decode()):
            return None
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        if not proxy.startswith(("http://", "https://")):
            raise httpx.ProxyError("only HTTP proxies are supported")
        return proxy

    def _goes_direct(self, host: str, netloc: str) -> bool:
        address = _address(host)
        # A proxy's loopback is another machine's: nobody means that (Go's net/http holds the same rule).
        if host == "localhost" or (address and address.is_loopback):
            return True
        names = [name.strip().lower() for name in self.by_scheme.get("no", "").split(",")]
        return any(_is_named(name, host, netloc, address) for name in names if name)


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _is_named(name: str, host: str, netloc: str, address: Address | None) -> bool:
    if name == "*" or name in (host, netloc):
        return True
    if address is None:
        return host.endswith(f".{name.removeprefix('*').removeprefix('.')}")
    network = _network(name) if "/" in name else None
    return network is not None and address in network


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None
