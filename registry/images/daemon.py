"""A Docker-compatible daemon, through its Engine API: an image to export from it, an image for it to pull."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from registry.credentials import Credentials
from registry.descriptor import Platform
from registry.errors import DaemonFailed, ImageNotFound
from registry.images.files import open_tarball
from registry.images.source import ImageSource
from registry.images.unfinished import unfinished
from registry.limits import LARGEST_ERROR_BODY
from registry.names import Digest, Reference
from registry.open_files import create, opened, write
from registry.report import Report

_DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
_READ_SIZE = 1024 * 1024
_LONGEST_LINE = 1024 * 1024
_CONNECT = httpx.Timeout(60.0, connect=3.0)
_TRANSFER = httpx.Timeout(600.0, connect=3.0)
"""Seconds between two bytes: an export begins only after the daemon has gathered the layers."""


@dataclass(frozen=True, slots=True)
class DaemonAddress:
    """Where a daemon listens, in Docker's notation, and the folder of its TLS files, if it has TLS."""

    url: str = _DEFAULT_ADDRESS
    certificates: str = field(default="")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> DaemonAddress:
        """Read DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."""
        verify = environment.get("DOCKER_TLS_VERIFY", "") not in ("", "0")
        certificates = environment.get("DOCKER_CERT_PATH") or str(Path(environment.get("HOME", "/"), ".docker"))
        return cls(environment.get("DOCKER_HOST") or _DEFAULT_ADDRESS, certificates if verify else "")

    def __str__(self) -> str:
        return self.url


class Daemon:
    """One daemon. Requests name no API version: each engine takes its own, and old ones are refused by new engines."""

    def __init__(self, address: DaemonAddress) -> None:
        self.address = address
        self._http = _http_client(address)

    async def is_reachable(self) -> bool:
        """Whether a daemon answers there."""
        try:
            return (await self._http.get("/_ping", timeout=_CONNECT)).is_success
        except (httpx.HTTPError, OSError):
            return False

    async def has_image(self, name: str) -> bool:
        """Whether the daemon has an image of this name. Raises DaemonFailed."""
        response = await self._request(f"look for {name}", "GET", f"/images/{name}/json")
        return response.status_code != httpx.codes.NOT_FOUND

    @asynccontextmanager
    async def open_image(self, name: str, spool: Path) -> AsyncIterator[ImageSource]:
        """Export an image into a spool folder, to be pushed. Raises ImageNotFound, InvalidImage or DaemonFailed."""
        async with unfinished(spool, "image") as folder:
            tarball = folder / "export.tar"
            await self._export(name, tarball)
            yield await open_tarball(tarball, folder, f"the image {name} of the daemon", name)

    async def pull(
        self, reference: Reference, credentials: Credentials | None, platform: Platform | None, report: Report
    ) -> None:
        """Let the daemon pull an image. Raises DaemonFailed with what the daemon said."""
        action = f"let the daemon at {self.address} pull {reference}"
        query = {"fromImage": str(reference.repository), "tag": reference.identifier}
        if platform:
            query["platform"] = str(platform)
        headers = {"X-Registry-Auth": _registry_auth(reference, credentials)} if credentials else {}
        try:
            async with self._http.stream(
                "POST", "/images/create", params=query, headers=headers, timeout=_TRANSFER
            ) as response:
                if response.is_error:
                    raise self._failed(action, _message(await response.aread()))
                await self._follow(action, response, report)
        except (httpx.HTTPError, OSError) as error:
            raise self._unreachable(action, error) from error

    async def tag(self, name: str, repository: str, tag: str) -> None:
        """Give an image in the daemon another name. Raises DaemonFailed."""
        action = f"tag {name} as {repository}:{tag} in the daemon"
        params = {"repo": repository, "tag": tag}
        response = await self._request(action, "POST", f"/images/{name}/tag", params)
        if response.status_code == httpx.codes.NOT_FOUND:
            raise self._failed(action, "it has no such image")

    async def has_digest(self, name: str, digest: Digest) -> bool:
        """Whether the daemon's image of this name came from a manifest of this digest. Raises DaemonFailed."""
        response = await self._request(f"look at {name}", "GET", f"/images/{name}/json")
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        known = response.json()
        names = [*(known.get("RepoDigests") or []), str(known.get("Digest") or "")]
        return any(entry.endswith(str(digest)) for entry in names)

    async def _export(self, name: str, tarball: Path) -> None:
        action = f"export {name} from the daemon at {self.address}"
        try:
            async with self._http.stream("GET", f"/images/{name}/get", timeout=_TRANSFER) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    raise ImageNotFound(action, "it has no such image", "Build it first, or check its name.")
                if response.is_error:
                    raise self._failed(action, _message(await response.aread()))
                async with opened(partial(create, tarball)) as file:
                    async for chunk in response.aiter_raw(_READ_SIZE):
                        await write(file, chunk)
        except (httpx.HTTPError, OSError) as error:
            raise self._unreachable(action, error) from error

    async def _follow(self, action: str, response: httpx.Response, report: Report) -> None:
        said = ""
        async for line in _lines(response):
            progress = _json_object(line)
            if "error" in progress or "errorDetail" in progress:
                raise self._failed(action, _message(line))
            status = str(progress.get("status", ""))
            if status and status != said and "progressDetail" not in progress:
                report(status[:300])
            said = status

    async def _request(
        self, action: str, method: str, path: str, params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        try:
            response = await self._http.request(method, path, params=params, timeout=_CONNECT)
        except (httpx.HTTPError, OSError) as error:
            raise self._unreachable(action, error) from error
        if response.is_error and response.status_code != httpx.codes.NOT_FOUND:
            raise self._failed(action, _message(response.content))
        return response

    def _failed(self, action: str, message: str) -> DaemonFailed:
        return DaemonFailed(action, f"the daemon said: {message}")

    def _unreachable(self, action: str, error: Exception) -> DaemonFailed:
        return DaemonFailed(
            action,
            f"the daemon at {self.address} did not answer ({type(error).__name__})",
            "Start it, allow this user to use its socket, or set DOCKER_HOST.",
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


def _http_client(address: DaemonAddress) -> httpx.AsyncClient:
    scheme, _, place = address.url.partition("://")
    if scheme == "unix":
        transport = httpx.AsyncHTTPTransport(uds=place)
        return httpx.AsyncClient(transport=transport, base_url="http://docker", trust_env=False)
    if scheme not in ("tcp", "http", "https") or not place:
        raise DaemonFailed(
            "find the daemon", f"DOCKER_HOST is «{address.url}»", "Write unix:///path or tcp://host:port."
        )
    context: ssl.SSLContext | bool = _tls(Path(address.certificates)) if address.certificates else True
    secure = bool(address.certificates) or scheme == "https"
    base = f"{'https' if secure else 'http'}://{place}"
    return httpx.AsyncClient(verify=context, base_url=base, trust_env=False)


def _tls(folder: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    except (OSError, ssl.SSLError) as error:
        raise DaemonFailed(
            "reach the daemon", f"its TLS files are not readable ({error})", "Check DOCKER_CERT_PATH."
        ) from error
    return context


def _registry_auth(reference: Reference, credentials: Credentials) -> str:
    body = {"serveraddress": reference.repository.registry.host}
    if credentials.identity_token:
        body["identitytoken"] = credentials.identity_token
    else:
        body |= {"username": credentials.username, "password": credentials.password}
    return base64.urlsafe_b64encode(json.dumps(body).encode()).decode()


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in response.aiter_raw():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
        rest = rest[:_LONGEST_LINE]
    yield rest


def _json_object(line: bytes) -> dict[str, Any]:
    try:
        body = json.loads(line)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _message(body: bytes) -> str:
    said = _json_object(body)
    detail = said.get("errorDetail")
    message = said.get("message") or said.get("error") or (detail.get("message") if isinstance(detail, dict) else "")
    return str(message or body[:LARGEST_ERROR_BODY].decode(errors="replace"))[:500].strip()
