"""Push and pull of whole images, as processes: `gocd-registry request` against `skopeo copy`, in turn.

Prints medians of wall seconds, the ratio (below 1: we are faster), and the peak memory of each process.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.images import write_image
from tests.real.registries import plain_registry

MIB = 1024 * 1024
ROUNDS = int(os.environ.get("ROUNDS", "3"))
COMMAND = Path(sys.executable).with_name("gocd-registry")
SKOPEO_CACHE = Path("/var/lib/containers/cache/blob-info-cache-v1.boltdb")
IMAGES = {"1 GiB in 4 layers": (4, 256 * MIB), "64 layers of 1 MiB": (64, MIB)}


@dataclass(frozen=True)
class Run:
    """One process: wall seconds and peak memory in MiB."""

    seconds: float
    memory: float


def main() -> None:
    """Measure each image both ways."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, (layers, size) in IMAGES.items():
            image = folder / "image"
            write_image(image, layers, size)
            with plain_registry(folder) as registry:
                measure(title, folder, registry.host)
            shutil.rmtree(image)
            shutil.rmtree(folder / "data")


def measure(title: str, folder: Path, host: str) -> None:
    """Push under a new name each time, then pull what was pushed, we and skopeo in turn."""
    pushes: tuple[list[Run], list[Run]] = ([], [])
    pulls: tuple[list[Run], list[Run]] = ([], [])
    for round_ in range(ROUNDS + 1):
        own, other = f"bench/own-{round_}", f"bench/skopeo-{round_}"
        pushes[0].append(timed(*publish(folder, host, own)))
        SKOPEO_CACHE.unlink(missing_ok=True)
        target = f"docker://{host}/{other}:1"
        pushes[1].append(timed(skopeo("--dest-tls-verify=false", f"oci:{folder}/image", target)))
        pulls[0].append(timed(*fetch(folder, host, own)))
        SKOPEO_CACHE.unlink(missing_ok=True)
        pulls[1].append(timed(skopeo("--src-tls-verify=false", f"docker://{host}/{own}:1", f"oci:{folder}/skopeo")))
        for name in ("own", "skopeo"):
            shutil.rmtree(folder / name)
    show(f"push {title}", *pushes)
    show(f"pull {title}", *pulls)


def show(title: str, own: list[Run], other: list[Run]) -> None:
    """Print medians without the first round, which warms caches."""
    mine, theirs = (statistics.median(run.seconds for run in runs[1:]) for runs in (own, other))
    print(
        f"{title:26} ours {mine:6.2f} s  skopeo {theirs:6.2f} s  ratio {mine / theirs:5.2f}  "
        f"memory {max(run.memory for run in own):4.0f} MiB (skopeo {max(run.memory for run in other):4.0f} MiB)"
    )


def timed(command: list[str], body: bytes = b"") -> Run:
    """Run a process to its end; wall time and its own peak memory."""
    with tempfile.TemporaryFile() as given:
        given.write(body)
        given.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    failed = process.returncode != 0 or (body and json.loads(said.splitlines()[-1])["response"]["code"] != 200)
    if failed:
        raise SystemExit(said.decode())
    return Run(seconds, usage.ru_maxrss / 1024)


def skopeo(*arguments: str) -> list[str]:
    """A copy by skopeo that keeps digests."""
    return ["skopeo", "copy", "-q", "--insecure-policy", "--preserve-digests", *arguments]


def publish(folder: Path, host: str, repository: str) -> tuple[list[str], bytes]:
    """Our command and its request."""
    configuration = {"Image": repository, "Tag": "1", "ImagePath": "image"}
    return _request(
        "cd.go.artifact.publish-artifact",
        {
            "artifact_store": {"id": "b", "configuration": _store(host)},
            "artifact_plan": {"id": "b", "storeId": "b", "configuration": configuration},
            "agent_working_directory": str(folder),
            "environment_variables": {},
        },
    )


def fetch(folder: Path, host: str, repository: str) -> tuple[list[str], bytes]:
    """Our command and its request."""
    digest = json.loads((folder / "image" / "index.json").read_text())["manifests"][0]["digest"]
    return _request(
        "cd.go.artifact.fetch-artifact",
        {
            "store_configuration": _store(host),
            "fetch_artifact_configuration": {"Format": "oci-layout", "Destination": "own", "Platform": "linux/amd64"},
            "artifact_metadata": {"image": f"{host}/{repository}:1", "digest": digest},
            "agent_working_directory": str(folder),
        },
    )


def _store(host: str) -> dict[str, str]:
    return {"RegistryType": "other", "RegistryURL": f"http://{host}"}


def _request(name: str, body: dict[str, Any]) -> tuple[list[str], bytes]:
    return [str(COMMAND), "request", "artifact", name], json.dumps(body).encode()
