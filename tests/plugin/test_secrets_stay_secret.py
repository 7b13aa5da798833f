"""Distinctive secrets go through every request; nothing that comes out may have them in it.

The registry behind is hostile: it repeats every credential in its errors. The server logs at debug level.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from deploy.sample_image import write_layout
from plugin.operations import OPERATIONS
from tests.plugin.echoing import GRANTED_TOKEN, echoing_registry
from tests.plugin.processes import run, serving

TOKEN = "s3rver-b34rer-t0ken"
PASSWORD = 'pw-Zq8!"/+ü-distinct'
ACCESS_KEY = "AKIADISTINCTKEY7Q8Z9"
SECRET_KEY = "sk/Distinct+Secret/Key=Zq81"
USER = "robot"
SECRETS = (TOKEN, PASSWORD, ACCESS_KEY, SECRET_KEY, GRANTED_TOKEN)
NDJSON = {"Accept": "application/x-ndjson"}


def spellings(secret: str) -> Iterator[str]:
    raw = secret.encode()
    yield secret
    yield quote(secret, safe="")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.b64encode(USER.encode() + b":" + raw).decode()[8:-4]


SPELLINGS = {spelling for secret in SECRETS for spelling in spellings(secret)}


@dataclass
class Heard:
    """Everything that came out, by where it came from."""

    texts: list[tuple[str, str]] = field(default_factory=list)

    def search(self) -> list[str]:
        return [
            f"«{spelling}» in {where}: {text[max(0, text.index(spelling) - 80) :][:200]}"
            for where, text in self.texts
            for spelling in SPELLINGS
            if spelling in text
        ]


def stores(registry: str) -> Iterator[dict[str, Any]]:
    yield {"RegistryType": "other", "RegistryURL": f"http://{registry}", "Username": USER, "Password": PASSWORD}
    yield {"RegistryType": "other", "RegistryURL": f"http://{registry}", "Username": "", "Password": PASSWORD}
    yield {"RegistryType": "other", "RegistryURL": f"http://{USER}:{PASSWORD}@{registry}", "Password": PASSWORD}
    yield {"RegistryType": PASSWORD, "RegistryURL": PASSWORD, "Password": PASSWORD}
    yield {
        "RegistryType": "ecr",
        "RegistryID": "123456789012",
        "AWSRegion": "eu-west-1",
        "AWSAccessKeyId": ACCESS_KEY,
        "AWSSecretAccessKey": SECRET_KEY,
    }


def package_repositories(registry: str) -> Iterator[dict[str, Any]]:
    for url in (f"http://{registry}/v2/", f"http://{USER}:{PASSWORD}@{registry}/v2/", PASSWORD):
        yield {
            "DOCKER_REGISTRY_URL": {"value": url},
            "DOCKER_REGISTRY_NAME": {"value": "r"},
            "DOCKER_REGISTRY_USERNAME": {"value": USER},
            "DOCKER_REGISTRY_PASSWORD": {"value": PASSWORD},
        }


def bodies(name: str, registry: str, job: Path) -> Iterator[Any]:
    """Bodies for a request, readable and not, with a secret wherever one can be."""
    for store in stores(registry):
        yield from about_a_store(name, store, registry, job)
    if not name.startswith("cd.go.artifact"):
        for repository in package_repositories(registry):
            yield material(repository)
            yield {"repository-configuration": repository, "package-configuration": {"DOCKER_IMAGE": {"value": []}}}
    yield {"Password": PASSWORD, "plugin-settings": {"password": {"value": PASSWORD}}}
    yield [PASSWORD]


def about_a_store(name: str, store: dict[str, Any], registry: str, job: Path) -> Iterator[Any]:
    if name.endswith(".validate"):  # those of publish and fetch have no secrets, but may be sent them by mistake
        yield store
        yield {**store, "RegistryType": 5}
    elif name.endswith("publish-artifact"):
        for source in ({"ImagePath": "image"}, {"Source": "registry"}, {}):
            yield publication(store, job, source)
    elif name.endswith("fetch-artifact"):
        for wanted in ({"Format": "oci-layout", "Destination": "out"}, {}):
            yield fetching(store, job, registry, wanted)


def publication(store: dict[str, Any], job: Path, source: dict[str, str]) -> dict[str, Any]:
    return {
        "artifact_store": {"id": "s", "configuration": store},
        "artifact_plan": {"id": "a", "storeId": "s", "configuration": {"Image": "team/app", "Tag": "1", **source}},
        "agent_working_directory": str(job),
        "environment_variables": {},
    }


def fetching(store: dict[str, Any], job: Path, registry: str, wanted: dict[str, str]) -> dict[str, Any]:
    digest = "sha256:" + "0" * 64
    return {
        "store_configuration": store,
        "fetch_artifact_configuration": wanted,
        "artifact_metadata": {"image": f"{registry}/team/app:1", "digest": digest},
        "agent_working_directory": str(job),
    }


def material(repository: dict[str, Any]) -> dict[str, Any]:
    return {
        "repository-configuration": repository,
        "package-configuration": {"DOCKER_IMAGE": {"value": "team/app"}},
        "previous-revision": {"revision": "1", "timestamp": "2026-01-02T03:04:05.678Z", "data": {}},
    }


def requests(registry: str, job: Path) -> Iterator[tuple[str, str, Any]]:
    for extension in OPERATIONS.extensions.values():
        for name in extension.operations:
            for body in bodies(name, registry, job):
                yield extension.name, name, body


@pytest.fixture
def job(tmp_path: Path) -> Path:
    write_layout(tmp_path / "image")
    return tmp_path


def variables(registry: str) -> dict[str, str]:
    """AWS is the hostile registry too, and there is no daemon."""
    return {
        "GOCD_REGISTRY_TOKEN": TOKEN,
        "AWS_ENDPOINT_URL": f"http://{registry}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "DOCKER_HOST": f"tcp://{registry}",
    }


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_no_secret_comes_out_of_the_server(scheme: str, job: Path) -> None:
    heard = Heard()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with (
        echoing_registry(scheme) as registry,
        serving("--log-level", "debug", variables=variables(registry)) as (server, url),
        httpx.Client(base_url=url, timeout=60, headers=headers) as client,
    ):
        for extension, name, body in requests(registry, job):
            for accept in ({}, NDJSON):
                answer = client.post(f"/v1/{extension}/{name}", json=body, headers=accept)
                heard.texts.append((name, answer.text + str(answer.headers)))
        heard.texts.append(("metrics", client.get("/metrics").text))
        heard.texts.append(("refusal", client.get("/v1", headers={"Authorization": f"Bearer {TOKEN}x"}).text))
    heard.texts.append(("log", "".join(server.lines)))
    assert len(server.lines) > 100
    assert any("403" in text for _, text in heard.texts), "the hostile registry was never asked with credentials"
    assert heard.search() == []


def test_no_secret_comes_out_of_the_command(job: Path) -> None:
    heard = Heard()
    with echoing_registry("basic") as registry:
        for extension, name, body in some(list(requests(registry, job))):
            ended = run(
                "request", extension, name, "--log-level", "debug",
                body=json.dumps(body).encode(), variables=variables(registry),
            )  # fmt: skip
            heard.texts += [(name, ended.stdout.decode()), (f"{name}'s log", ended.stderr.decode())]
    assert heard.search() == []


def some(every: Sequence[tuple[str, str, Any]]) -> list[tuple[str, str, Any]]:
    """The first body of each request: a process for each of all would take minutes."""
    return list({(extension, name): (extension, name, body) for extension, name, body in reversed(every)}.values())
