"""The registry client of this process: what the settings and this machine's own files say of registries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog

from plugin.settings import Settings, SettingsInvalid
from registry.cache import Cache
from registry.client import RegistryClient
from registry.errors import MachineMisconfigured, RegistryError
from registry.keychains.chain import KeychainChain
from registry.keychains.docker_config import DockerConfigKeychain
from registry.keychains.ecr import EcrByHost
from registry.registries import Registries

_NAME = "gocd-registry-plugin"
_SYSTEM_FILES = Path("/etc/containers")
_SYSTEM_CERTIFICATES = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))

log = structlog.get_logger(__name__)


def registry_client(settings: Settings, environment: Mapping[str, str]) -> RegistryClient:
    """A client with this machine's mirrors, certificates, logins and cache. Blocks. Raises SettingsInvalid."""
    try:
        registries = Registries.read(_files(settings, environment), _certificates(settings, environment))
        cache = _cache(settings, environment)
    except RegistryError as error:
        raise SettingsInvalid(str(error)) from error
    logins = KeychainChain((DockerConfigKeychain.from_environment(environment), EcrByHost()))
    return RegistryClient(registries=registries, ambient=logins, cache=cache)


def _files(settings: Settings, environment: Mapping[str, str]) -> list[Path]:
    """One file, by containers-registries.conf(5): the named one, the user's or the system's with its drop-ins."""
    if settings.registries_conf:
        if not settings.registries_conf.is_file():
            raise SettingsInvalid(f"The registries.conf {settings.registries_conf} is not there, or is no file.")
        return [settings.registries_conf]
    if named := environment.get("CONTAINERS_REGISTRIES_CONF"):
        return [Path(named)]
    for folder in (*_user_folder(environment), _SYSTEM_FILES):
        file, drop_ins = folder / "registries.conf", folder / "registries.conf.d"
        if file.is_file():
            return [file, *sorted(drop_ins.glob("*.conf"))]
    return []


def _certificates(settings: Settings, environment: Mapping[str, str]) -> list[Path]:
    named = settings.certificates_directory
    if named and not named.is_dir():
        raise SettingsInvalid(f"The folder of certificates {named} is not there, or is no folder.")
    return [
        *([named] if named else []),
        *(folder / "certs.d" for folder in _user_folder(environment)),
        *_SYSTEM_CERTIFICATES,
    ]


def _user_folder(environment: Mapping[str, str]) -> list[Path]:
    if folder := environment.get("XDG_CONFIG_HOME"):
        return [Path(folder, "containers")]
    return [Path(environment["HOME"], ".config", "containers")] if environment.get("HOME") else []


def _cache(settings: Settings, environment: Mapping[str, str]) -> Cache:
    if settings.cache_directory:
        return Cache.in_folder(settings.cache_directory, settings.layer_cache_bytes)
    folder = _cache_folder(environment)
    try:
        return Cache.in_folder(folder, settings.layer_cache_bytes) if folder else Cache.in_memory()
    except MachineMisconfigured as error:
        # Nobody asked for this folder: without it everything works, only slower.
        log.warning("cache in memory only", problem=str(error))
        return Cache.in_memory()


def _cache_folder(environment: Mapping[str, str]) -> Path | None:
    """systemd's folder for the service, or the user's (XDG Base Directory Specification)."""
    if folder := environment.get("CACHE_DIRECTORY"):
        return Path(folder.partition(":")[0])
    if folder := environment.get("XDG_CACHE_HOME"):
        return Path(folder, _NAME)
    return Path(environment["HOME"], ".cache", _NAME) if environment.get("HOME") else None
