"""What the server makes of this machine's own files: the cache's folder, registries.conf, logins."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from plugin.registry_client import registry_client
from plugin.settings import Settings, SettingsInvalid
from registry.endpoint import Access, Endpoint
from registry.names import Repository
from tests.plugin.processes import run

HOST = "registry.example.com"


def settings(**values: object) -> Settings:
    return Settings.model_validate({"cache_directory": None, **values})


async def test_the_users_login_is_found_where_a_store_brings_none(tmp_path: Path) -> None:
    auth = base64.b64encode(b"ci:pass-word").decode()
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"auths": {HOST: {"auth": auth}}}))
    async with registry_client(settings(), {"HOME": str(tmp_path)}) as client:
        remote = client.remote(Access(Endpoint.parse(HOST)))
        found = await remote.access.keychain.resolve(Repository.parse(f"{HOST}/app"), HOST)
    assert found is not None
    assert (found.username, found.password) == ("ci", "pass-word")


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "home"}, "home/.cache/gocd-registry-plugin"),
        ({"HOME": "home", "XDG_CACHE_HOME": "xdg"}, "xdg/gocd-registry-plugin"),
        ({"HOME": "home", "CACHE_DIRECTORY": "systemd"}, "systemd"),
    ],
)
async def test_the_cache_lies_where_the_system_keeps_caches(
    environment: dict[str, str], folder: str, tmp_path: Path
) -> None:
    variables = {name: str(tmp_path / value) for name, value in environment.items()}
    async with registry_client(settings(), variables):
        pass
    assert (tmp_path / folder / "salt").is_file()


async def test_a_folder_that_nobody_asked_for_and_nobody_can_write_is_done_without(tmp_path: Path) -> None:
    (tmp_path / ".cache").write_text("a file")
    async with registry_client(settings(), {"HOME": str(tmp_path)}) as client:
        assert client.limits.requests_per_host


def test_a_folder_that_was_asked_for_must_be_writable(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(SettingsInvalid, match="use the cache in .*Name a folder"):
        registry_client(settings(cache_directory=tmp_path / "cache"), {})


@pytest.mark.parametrize("name", ["registries_conf", "certificates_directory"])
def test_a_file_that_was_named_must_be_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="missing is not there"):
        registry_client(settings(**{name: tmp_path / "missing"}), {})


async def test_the_users_own_registries_conf_comes_before_the_systems(tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "containers"
    (folder / "registries.conf.d").mkdir(parents=True)
    (folder / "registries.conf").write_text('[[registry]]\nprefix = "one.example.com"\nblocked = true\n')
    (folder / "registries.conf.d" / "10.conf").write_text('[[registry]]\nprefix = "two.example.com"\nblocked = true\n')
    async with registry_client(settings(), {"HOME": str(tmp_path)}) as client:
        for host in ("one.example.com", "two.example.com"):
            remote = client.remote(Access(Endpoint.parse(host)))
            with pytest.raises(Exception, match=f"blocks {host}"):
                await remote.tags(Repository.parse(f"{host}/app"))


@pytest.mark.parametrize(
    "command", [["serve", "--port", "0"], ["request", "artifact", "cd.go.artifact.get-plugin-icon"]]
)
def test_a_damaged_file_ends_a_command_with_a_sentence(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "registries.conf"
    path.write_text("[[registry")
    done = run(*command, variables={"GOCD_REGISTRY_REGISTRIES_CONF": str(path)})
    assert done.returncode == 1
    assert f"Error: Could not read {path}" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
