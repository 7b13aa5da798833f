"""Tools that push and pull the image of a layout on disk: ours in two ways, skopeo, crane. None has caches to use."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks import go_programs
from benchmarks.images import manifest_digest, write_image
from benchmarks.measuring import Run
from benchmarks.plugin_server import COMMAND, PluginServer, plugin_server
from benchmarks.processes import timed

IMAGE = "image"
PULLED = "pulled"
_SMALL = "small"
_PUBLISH = "cd.go.artifact.publish-artifact"
_FETCH = "cd.go.artifact.fetch-artifact"
_SKOPEO_CACHE = Path("/var/lib/containers/cache/blob-info-cache-v1.boltdb")


@dataclass(frozen=True)
class Workplace:
    """A folder with the layout `image`, to which `pulled` comes, and the registry."""

    folder: Path
    host: str

    def publish(self, repository: str, image: str = IMAGE) -> dict[str, Any]:
        """GoCD's request to publish the image."""
        configuration = {"Image": repository, "Tag": "1", "ImagePath": image}
        return {
            "artifact_store": {"id": "b", "configuration": self._store},
            "artifact_plan": {"id": "b", "storeId": "b", "configuration": configuration},
            "agent_working_directory": str(self.folder),
            "environment_variables": {},
        }

    def fetch(self, repository: str, image: str = IMAGE, destination: str = PULLED) -> dict[str, Any]:
        """GoCD's request to fetch what was published of a layout."""
        configuration = {"Format": "oci-layout", "Destination": destination, "Platform": "linux/amd64"}
        digest = manifest_digest(self.folder / image)
        return {
            "store_configuration": self._store,
            "fetch_artifact_configuration": configuration,
            "artifact_metadata": {"image": f"{self.host}/{repository}:1", "digest": digest},
            "agent_working_directory": str(self.folder),
        }

    @property
    def _store(self) -> dict[str, str]:
        return {"RegistryType": "other", "RegistryURL": f"http://{self.host}"}


class Tool(Protocol):
    """Something that pushes and pulls images."""

    def push(self, repository: str) -> Run:
        """Push the layout `image`."""

    def pull(self, repository: str) -> Run:
        """Pull it into the layout `pulled`, which is not there yet."""


@dataclass(frozen=True)
class OursByServer:
    """Requests to a running server, which is how the product runs."""

    place: Workplace

    def push(self, repository: str) -> Run:
        with fresh_server() as server:
            warm_up(server, self.place, f"{repository}-warm-up")
            return ask(server, _PUBLISH, self.place.publish(repository))

    def pull(self, repository: str) -> Run:
        with fresh_server() as server:
            warm_up(server, self.place, f"{repository}-warm-up")
            return fetch(server, self.place, repository)


@dataclass(frozen=True)
class OursByCommand:
    """`gocd-registry request`: whole processes, start-up included."""

    place: Workplace

    def push(self, repository: str) -> Run:
        return self._answer(_PUBLISH, self.place.publish(repository))

    def pull(self, repository: str) -> Run:
        return self._answer(_FETCH, self.place.fetch(repository))

    def _answer(self, name: str, body: dict[str, Any]) -> Run:
        with empty_cache() as variables:
            run, said = timed([COMMAND, "request", "artifact", name], json.dumps(body).encode(), variables)
        if json.loads(said.splitlines()[-1])["response"]["code"] != 200:
            raise SystemExit(said.decode())
        return run


@dataclass(frozen=True)
class Skopeo:
    """`skopeo copy`, which keeps digests."""

    place: Workplace

    def push(self, repository: str) -> Run:
        source = f"oci:{self.place.folder / IMAGE}"
        return self._copy("--dest-tls-verify=false", source, f"docker://{self.place.host}/{repository}:1")

    def pull(self, repository: str) -> Run:
        target = f"oci:{self.place.folder / PULLED}"
        return self._copy("--src-tls-verify=false", f"docker://{self.place.host}/{repository}:1", target)

    def _copy(self, *arguments: str) -> Run:
        _SKOPEO_CACHE.unlink(missing_ok=True)
        return timed(["skopeo", "copy", "-q", "--insecure-policy", "--preserve-digests", *arguments])[0]


@dataclass(frozen=True)
class Crane:
    """`crane` of go-containerregistry."""

    place: Workplace
    command: Path

    def push(self, repository: str) -> Run:
        return timed([self.command, "push", self.place.folder / IMAGE, f"{self.place.host}/{repository}:1"])[0]

    def pull(self, repository: str) -> Run:
        image, target = f"{self.place.host}/{repository}:1", self.place.folder / PULLED
        return timed([self.command, "pull", "--format=oci", image, target])[0]


def ours(place: Workplace) -> dict[str, Tool]:
    """Our two ways."""
    return {"our server": OursByServer(place), "our command": OursByCommand(place)}


def peers(place: Workplace) -> dict[str, Tool]:
    """Those that we are measured against."""
    found: dict[str, Tool] = {"skopeo": Skopeo(place)}
    if command := go_programs.crane():
        found["crane"] = Crane(place, command)
    return found


@contextmanager
def empty_cache() -> Iterator[dict[str, str]]:
    """Variables that give our processes a cache of their own, with nothing in it."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"GOCD_REGISTRY_CACHE_DIRECTORY": folder, "XDG_CACHE_HOME": folder}


@contextmanager
def fresh_server() -> Iterator[PluginServer]:
    """A server that knows nothing yet."""
    with empty_cache() as variables, plugin_server(**variables) as server:
        yield server


def warm_up(server: PluginServer, place: Workplace, repository: str) -> None:
    """Publish and fetch a small image, for what a server that has been running for a while has behind it."""
    if not (place.folder / _SMALL).exists():
        write_image(place.folder / _SMALL, 1, 1024)
    ask(server, _PUBLISH, place.publish(repository, _SMALL))
    ask(server, _FETCH, place.fetch(repository, _SMALL, "warm-up"))


def fetch(server: PluginServer, place: Workplace, repository: str) -> Run:
    """One fetch by this server."""
    return ask(server, _FETCH, place.fetch(repository))


def ask(server: PluginServer, name: str, body: dict[str, Any]) -> Run:
    """One request of the artifact extension."""
    began = time.perf_counter()
    server.do("artifact", name, body)
    return Run(time.perf_counter() - began, server.memory)
