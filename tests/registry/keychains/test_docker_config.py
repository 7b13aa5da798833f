"""Logins from Docker's configuration file and podman's, by the rules of those tools."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from registry.client import RegistryClient
from registry.credentials import Credentials
from registry.errors import CredentialsUnavailable
from registry.keychains.docker_config import DockerConfigKeychain
from registry.names import Repository
from registry.retry import Retry
from tests.conftest import no_sleep
from tests.real.registries import PASSWORD, USERNAME, RealRegistry

HOST = "registry.example.com"
APP = Repository.parse(f"{HOST}/team/app")


def login(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def keychain(folder: Path, content: object, **environment: str) -> DockerConfigKeychain:
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return DockerConfigKeychain((folder / "missing.json", path), {"PATH": os.environ["PATH"], **environment})


def write_helper(folder: Path, name: str, body: str) -> None:
    """A credential helper that notes what it was asked."""
    program = folder / f"docker-credential-{name}"
    program.write_text(f'#!/bin/sh\nread server\necho "$1 $server" >> "{folder}/asked"\n{body}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().splitlines() if (folder / "asked").exists() else []


@pytest.mark.parametrize(
    ("auths", "expected"),
    [
        ({HOST: login("ci", "pass:word")}, Credentials("ci", "pass:word")),
        ({f"https://{HOST}": login("ci", "p")}, Credentials("ci", "p")),
        ({f"https://{HOST}/v1/": login("ci", "p")}, Credentials("ci", "p")),
        ({f"{HOST}/v2/": login("ci", "p")}, Credentials("ci", "p")),
        ({HOST: {"username": "ci", "password": "p"}}, Credentials("ci", "p")),
        ({HOST: {**login("ci", ""), "identitytoken": "t"}}, Credentials("ci", identity_token="t")),
        ({HOST: login("host", "p"), f"{HOST}/team": login("team", "p")}, Credentials("team", "p")),
        ({f"{HOST}/team": login("team", "p"), f"{HOST}/team/app": login("app", "p")}, Credentials("app", "p")),
        ({f"{HOST}/tea": login("near", "p"), f"{HOST}/team/app2": login("near", "p")}, None),
        ({f"{HOST}:5000": login("port", "p")}, None),
        ({HOST: {}}, None),
        ({HOST: None}, None),
        ({}, None),
    ],
)
async def test_the_closest_entry_is_taken(
    auths: dict[str, object], expected: Credentials | None, tmp_path: Path
) -> None:
    assert await keychain(tmp_path, {"auths": auths}).resolve(APP, HOST) == expected


async def test_docker_hub_has_one_name_however_it_is_written(tmp_path: Path) -> None:
    found = keychain(tmp_path, {"auths": {"https://index.docker.io/v1/": login("me", "p")}})
    assert await found.resolve(Repository.parse("library/alpine"), "docker.io") == Credentials("me", "p")


async def test_a_file_that_a_real_tool_wrote_logs_in(with_password: RealRegistry, tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    command = ["skopeo", "login", "--authfile", str(path), "--tls-verify=false", "-u", USERNAME, "-p", PASSWORD]
    await asyncio.to_thread(subprocess.run, [*command, with_password.host], check=True, capture_output=True)
    ambient = DockerConfigKeychain.from_environment({"REGISTRY_AUTH_FILE": str(path)})
    async with RegistryClient(retry=Retry(sleep=no_sleep), ambient=ambient) as client:
        anonymous = replace(with_password, username="", password="")
        await client.remote(anonymous.access).ping()


async def test_a_helper_is_asked_for_its_registry_and_its_answer_is_kept_for_a_while(tmp_path: Path) -> None:
    write_helper(tmp_path, "vault", """echo '{"ServerURL": "x", "Username": "<token>", "Secret": "identity"}'""")
    path = f"{tmp_path}:{os.environ['PATH']}"
    now = 0.0
    found = keychain(tmp_path, {"credHelpers": {HOST: "vault"}, "auths": {HOST: login("no", "no")}}, PATH=path)
    found.clock = lambda: now
    expected = Credentials("<token>", identity_token="identity")
    assert set(await asyncio.gather(found.resolve(APP, HOST), found.resolve(APP, HOST))) == {expected}
    await found.resolve(APP, HOST)
    assert asked(tmp_path) == [f"get {HOST}"], "asked once for all"
    found.forget(expected)
    await found.resolve(APP, HOST)
    now = 31.0
    await found.resolve(APP, HOST)
    assert len(asked(tmp_path)) == 3, "again when the registry refused what it said, and after a while"


async def test_the_store_comes_after_an_entry_with_a_path_and_before_one_of_the_host(tmp_path: Path) -> None:
    write_helper(tmp_path, "desktop", """echo '{"Username": "store", "Secret": "s"}'""")
    path = f"{tmp_path}:{os.environ['PATH']}"
    auths = {HOST: login("plain", "p"), f"{HOST}/team/other": login("other", "p")}
    found = keychain(tmp_path, {"credsStore": "desktop", "auths": auths}, PATH=path)
    assert await found.resolve(APP, HOST) == Credentials("store", "s")
    assert await found.resolve(Repository.parse(f"{HOST}/team/other"), HOST) == Credentials("other", "p")
    assert await found.resolve(Repository.parse("library/alpine"), "docker.io") == Credentials("store", "s")
    assert asked(tmp_path) == [f"get {HOST}", "get https://index.docker.io/v1/"]


async def test_a_store_without_the_registry_leads_on_to_the_entries(tmp_path: Path) -> None:
    write_helper(tmp_path, "desktop", "echo 'credentials not found in native keychain'; exit 1")
    path = f"{tmp_path}:{os.environ['PATH']}"
    content = {"credsStore": "desktop", "auths": {HOST: login("plain", "p")}}
    assert await keychain(tmp_path, content, PATH=path).resolve(APP, HOST) == Credentials("plain", "p")


@pytest.mark.parametrize(
    ("helper", "words"),
    [
        ("echo 'vault is sealed, token s3cret-token'; exit 2", "ended with status 2.*by hand"),
        ("echo 'no json'", "not what helpers answer"),
        ("echo '{\"Username\": 5}'", "not what helpers answer"),
        (None, "can't be started"),
    ],
)
async def test_a_helper_that_fails_is_named_and_what_it_said_stays_with_it(
    helper: str | None, words: str, tmp_path: Path
) -> None:
    if helper:
        write_helper(tmp_path, "vault", helper)
    found = keychain(tmp_path, {"credHelpers": {HOST: "vault"}}, PATH=f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(CredentialsUnavailable, match=f"docker-credential-vault for {HOST}.*{words}") as caught:
        await found.resolve(APP, HOST)
    assert "s3cret-token" not in str(caught.value)


async def test_a_helper_is_a_name_and_never_a_path(tmp_path: Path) -> None:
    with pytest.raises(CredentialsUnavailable, match="no helper's name"):
        await keychain(tmp_path, {"credHelpers": {HOST: "../../bin/sh"}}).resolve(APP, HOST)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a Docker configuration file"),
        ('{"auths": ["s3cret-word"]}', "not a Docker configuration file"),
        ({"auths": {HOST: {"auth": "%%s3cret-word"}}}, "not base64"),
        ({"auths": {HOST: {"auth": base64.b64encode(b"\xff\xfe").decode()}}}, "not base64"),
    ],
)
async def test_a_damaged_file_is_named_and_none_of_it_is_repeated(content: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialsUnavailable, match=words) as caught:
        await keychain(tmp_path, content).resolve(APP, HOST)
    assert str(tmp_path / "config.json") in str(caught.value)
    assert "s3cret-word" not in str(caught.value)


def test_the_files_are_looked_for_where_docker_and_podman_keep_them() -> None:
    environment = {"HOME": "/home/ci", "XDG_RUNTIME_DIR": "/run/user/1", "REGISTRY_AUTH_FILE": "/etc/auth.json"}
    assert [str(path) for path in DockerConfigKeychain.from_environment(environment).paths] == [
        "/etc/auth.json",
        "/home/ci/.docker/config.json",
        "/run/user/1/containers/auth.json",
        "/home/ci/.config/containers/auth.json",
    ]
    moved = DockerConfigKeychain.from_environment({"DOCKER_CONFIG": "/secrets/docker"})
    assert [str(path) for path in moved.paths] == ["/secrets/docker/config.json"]
    assert DockerConfigKeychain.from_environment({}).paths == ()
