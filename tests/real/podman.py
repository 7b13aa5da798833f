"""podman's Docker-compatible API as the daemon."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real.processes import SECONDS_TO_START, running


@dataclass(frozen=True)
class Podman:
    """A running service with storage of its own."""

    socket: Path
    command: tuple[str, ...]
    environment: dict[str, str]

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"

    def run(self, *arguments: str) -> str:
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, env=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def podman_service(folder: Path, insecure_registry: str) -> Iterator[Podman]:
    """Serve the API on a socket; the named registry may be plain HTTP."""
    registries = folder / "registries.conf"
    registries.write_text(f'[[registry]]\nlocation = "{insecure_registry}"\ninsecure = true\n')
    environment = {**os.environ, "CONTAINERS_REGISTRIES_CONF": str(registries), "HOME": str(folder)}
    policy = folder / ".config" / "containers"
    policy.mkdir(parents=True)
    (policy / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    storage = ["--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
    command = ("podman", *storage, "--cgroup-manager", "cgroupfs", "--events-backend", "none")
    socket, log = folder / "podman.sock", folder / "podman.log"
    with running([*command, "system", "service", "--time", "0", f"unix://{socket}"], log, environment) as process:
        deadline = time.monotonic() + SECONDS_TO_START
        while not socket.exists():
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.05)
        yield Podman(socket, command, environment)
