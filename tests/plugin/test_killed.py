"""Killed at any moment and run again: a publish and a fetch end in the right state, and nothing lies about."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.images import write_image
from tests.plugin.processes import COMMAND, environment, run
from tests.real.registries import RealRegistry

KIB = 1024
ROUNDS = 6
COPY = ("skopeo", "copy", "-q", "--insecure-policy", "--preserve-digests", "--src-tls-verify=false")
PUBLISH, FETCH = "cd.go.artifact.publish-artifact", "cd.go.artifact.fetch-artifact"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "job"
    write_image(folder / "image", 12, 768 * KIB)
    return folder


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {"GOCD_REGISTRY_CACHE_DIRECTORY": str(tmp_path / "cache")}


def publish_request(registry: RealRegistry, job: Path, repository: str) -> bytes:
    plan = {"Image": repository, "Tag": "1.0", "ImagePath": "image", "Source": "file"}
    body = {
        "artifact_store": {"id": "s", "configuration": registry.store},
        "artifact_plan": {"id": "p", "storeId": "s", "configuration": plan},
        "agent_working_directory": str(job),
        "environment_variables": {},
    }
    return json.dumps(body).encode()


def fetch_request(registry: RealRegistry, job: Path, metadata: dict[str, str], format_: str) -> bytes:
    wanted = {"Format": format_, "Destination": "out/image", "Platform": "linux/amd64"}
    body = {
        "store_configuration": registry.store,
        "fetch_artifact_configuration": wanted,
        "artifact_metadata": metadata,
        "agent_working_directory": str(job),
    }
    return json.dumps(body).encode()


def answer(name: str, body: bytes, variables: dict[str, str]) -> Any:
    done = run("request", "artifact", name, body=body, variables=variables)
    response = json.loads(done.stdout.splitlines()[-1])["response"]
    assert response["code"] == 200, response
    return response["body"] if isinstance(response["body"], dict | list) else json.loads(response["body"])


def killed_at(name: str, body: bytes, variables: dict[str, str], share: float, seconds: float) -> None:
    """Run a request, and kill it when that share of the time has passed that a whole one takes."""
    with subprocess.Popen(
        [COMMAND, "request", "artifact", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(variables),
    ) as process:
        assert process.stdin
        process.stdin.write(body)
        process.stdin.close()
        time.sleep(share * seconds)
        process.send_signal(signal.SIGKILL)


def moments() -> Iterator[float]:
    """Spread over the run, and never the same twice."""
    for number in range(ROUNDS):
        yield (number + random.random()) / ROUNDS


def test_a_publish(
    plain: RealRegistry, job: Path, variables: dict[str, str], repository_path: str, tmp_path: Path
) -> None:
    began = time.monotonic()
    answer(PUBLISH, publish_request(plain, job, f"{repository_path}-timing"), variables)
    seconds = time.monotonic() - began
    for number, share in enumerate(moments()):
        repository = f"{repository_path}-{number}"
        body = publish_request(plain, job, repository)
        # Without what is known of other repositories: else nothing would be left to upload.
        fresh = {"GOCD_REGISTRY_CACHE_DIRECTORY": str(tmp_path / f"cache-{number}")}
        killed_at(PUBLISH, body, fresh, share, seconds)
        whole = copy_by_skopeo(plain, repository, tmp_path / f"after-kill-{number}")
        metadata = answer(PUBLISH, body, fresh)["metadata"]
        assert copy_by_skopeo(plain, repository, tmp_path / f"after-{number}") == metadata["digest"]
        assert whole in (None, metadata["digest"]), "a tag names nothing or all of it"


@pytest.mark.parametrize("format_", ["oci-layout", "oci"])
def test_a_fetch(
    format_: str, plain: RealRegistry, job: Path, variables: dict[str, str], repository_path: str, tmp_path: Path
) -> None:
    metadata = answer(PUBLISH, publish_request(plain, job, repository_path), variables)["metadata"]
    body = fetch_request(plain, job, metadata, format_)
    out, source = job / "out", f"{'oci' if format_ == 'oci-layout' else 'oci-archive'}:{job / 'out' / 'image'}"
    began = time.monotonic()
    answer(FETCH, body, variables)
    seconds = time.monotonic() - began
    for number, share in enumerate(moments()):
        remove(out)
        fresh = {"GOCD_REGISTRY_CACHE_DIRECTORY": str(tmp_path / f"cache-{number}")}
        killed_at(FETCH, body, fresh, share, seconds)
        if (out / "image").exists():
            assert digest_of(source) == metadata["digest"], "what is in place is whole"
        for path in out.glob(".*.partial"):
            os.utime(path, (time.time() - 3600, time.time() - 3600))
        answer(FETCH, body, fresh)
        assert digest_of(source) == metadata["digest"]
        assert [path.name for path in out.iterdir()] == ["image"], "what the killed one left is gone"


def remove(folder: Path) -> None:
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def digest_of(source: str) -> str:
    done = subprocess.run(["skopeo", "inspect", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["Digest"])


def copy_by_skopeo(registry: RealRegistry, repository: str, folder: Path) -> str | None:
    """The digest of what the tag names, read with all its layers by another tool; None when there is no tag."""
    done = subprocess.run(
        [*COPY, f"docker://{registry.host}/{repository}:1.0", f"oci:{folder}"],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        assert "unknown" in done.stderr, done.stderr
        return None
    return digest_of(f"oci:{folder}")
