"""Docker's configuration file, and podman's of the same form: `credHelpers`, `credsStore`, `auths`.

docker/cli's config/configfile, and containers-auth.json(5) for keys with a path.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from registry.credentials import Credentials, fingerprint
from registry.errors import CredentialsUnavailable
from registry.keychains.credential_helper import ask_helper
from registry.names import DOCKER_HUB, Repository
from registry.single_flight import SingleFlight

Value = TypeVar("Value")

_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
_DOCKER_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_SECONDS_TO_KEEP = 30.0
"""What a file or a helper said is used that long, unless a registry refuses it."""
_MOST_KEPT = 4096


class AuthEntry(BaseModel):
    """One registry's login; `auth` is base64 of `user:password`."""

    model_config = ConfigDict(hide_input_in_errors=True)

    auth: SecretStr = SecretStr("")
    username: str = ""
    password: SecretStr = SecretStr("")
    identity_token: SecretStr = Field(default=SecretStr(""), alias="identitytoken")

    def credentials(self) -> Credentials | None:
        """What the entry holds, or None for an empty one. Raises ValueError when `auth` can't be read."""
        username, password = self.username, self.password.get_secret_value()
        if auth := self.auth.get_secret_value():
            # Docker pads with zero bytes what it once wrote itself.
            username, _, password = base64.b64decode(auth, validate=True).decode().rstrip("\0").partition(":")
        if token := self.identity_token.get_secret_value():
            return Credentials(username, identity_token=token)
        return Credentials(username, password) if username and password else None


class ConfigFile(BaseModel):
    """The parts of the file that are about credentials."""

    model_config = ConfigDict(hide_input_in_errors=True)

    auths: dict[str, AuthEntry | None] = {}
    helpers: dict[str, str] = Field(default={}, alias="credHelpers")
    store: str = Field(default="", alias="credsStore")


@dataclass(slots=True)
class DockerConfigKeychain:
    """The logins of this machine's user: the first file that knows the registry answers."""

    paths: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, Credentials | None]] = field(default_factory=dict, repr=False)
    _asking: SingleFlight[str, Credentials | None] = field(default_factory=SingleFlight, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> DockerConfigKeychain:
        """REGISTRY_AUTH_FILE; DOCKER_CONFIG or ~/.docker; then podman's own places."""
        home = Path(environment["HOME"]) if environment.get("HOME") else None
        docker = environment.get("DOCKER_CONFIG") or (home and home / ".docker")
        runtime = environment.get("XDG_RUNTIME_DIR")
        configuration = environment.get("XDG_CONFIG_HOME") or (home and home / ".config")
        candidates = (
            environment.get("REGISTRY_AUTH_FILE"),
            docker and Path(docker, "config.json"),
            runtime and Path(runtime, "containers", "auth.json"),
            configuration and Path(configuration, "containers", "auth.json"),
        )
        return cls(tuple(Path(candidate) for candidate in candidates if candidate), environment)

    @property
    def identity(self) -> str:
        """The files; whose logins stand in them is looked up when it is needed."""
        return f"docker config:{fingerprint(*map(str, self.paths))}"

    async def resolve(self, repository: Repository | None, host: str) -> Credentials | None:
        """The login for a repository, or for its registry. Raises CredentialsUnavailable."""
        name = f"{host}/{repository.path}" if repository else host
        until, credentials = self._kept.get(name, (float("-inf"), None))
        if self.clock() < until:
            return credentials
        credentials = await self._asking.do(name, lambda: self._look_up(name))
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[name] = (self.clock() + _SECONDS_TO_KEEP, credentials)
        return credentials

    def forget(self, credentials: Credentials) -> None:
        """Look again at the next request."""
        for name in [name for name, (_, kept) in self._kept.items() if kept == credentials]:
            del self._kept[name]

    async def _look_up(self, name: str) -> Credentials | None:
        for path in self.paths:
            file = await asyncio.to_thread(_read, path)
            if file and (found := await self._in_file(file, path, name)):
                return found
        return None

    async def _in_file(self, file: ConfigFile, path: Path, name: str) -> Credentials | None:
        host = name.partition("/")[0]
        helpers = _by_place(file.helpers)
        auths = _by_place(file.auths)
        for place in _places(name):
            if place in helpers:
                return await ask_helper(helpers[place], _server(host, place), self.environment)
            entry = auths.get(place) if place != host or not file.store else None
            if entry and (found := _credentials(entry, path, place)):
                return found
        if file.store and (found := await ask_helper(file.store, _server(host, host), self.environment)):
            return found
        entry = auths.get(host)
        return _credentials(entry, path, host) if entry else None


def _places(name: str) -> Iterator[str]:
    """`host/a/b`, `host/a`, `host`: the closest first."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _by_place(entries: Mapping[str, Value]) -> dict[str, Value]:
    return {_place(key): value for key, value in entries.items()}


def _place(key: str) -> str:
    """Keys are addresses in old files (`https://host/v1/`) and places in newer ones (`host/team`)."""
    scheme, separator, rest = key.partition("://")
    place = (rest if separator else scheme).rstrip("/")
    if separator or place.endswith(("/v1", "/v2")):
        place = place.partition("/")[0]
    host, slash, path = place.partition("/")
    return f"{DOCKER_HUB if host in _DOCKER_HUB_HOSTS else host}{slash}{path}"


def _server(host: str, place: str) -> str:
    return _DOCKER_HUB_KEY if place == host == DOCKER_HUB else place


def _credentials(entry: AuthEntry, path: Path, place: str) -> Credentials | None:
    try:
        return entry.credentials()
    except ValueError:
        raise CredentialsUnavailable(
            f"read the login for {place} in {path}", "its auth is not base64 of user:password", "Log in again."
        ) from None


def _read(path: Path) -> ConfigFile | None:
    try:
        return ConfigFile.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CredentialsUnavailable(
            f"read {path}", str(error.strerror), "Let this service's user read it, or remove it."
        ) from error
    except ValidationError:
        # Its content is no part of the message: passwords stand in it.
        raise CredentialsUnavailable(f"read {path}", "it is not a Docker configuration file", "Log in again.") from None
