"""Our server as people run it, and requests to it as GoCD's plugin sends them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import peak_mebibytes

COMMAND = Path(sys.executable).with_name("gocd-registry")


@dataclass(frozen=True)
class PluginServer:
    """A running server."""

    port: int
    process_id: int

    def ask(self, extension: str, name: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """One request on a connection of its own: status and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            connection.request("POST", f"/v1/{extension}/{name}", json.dumps(body))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def do(self, extension: str, name: str, body: Mapping[str, Any]) -> Any:
        """One request that must succeed: its answer."""
        status, answer = self.ask(extension, name, body)
        if status != 200:
            raise SystemExit(f"{name}: {status} {answer.decode(errors='replace')}")
        return json.loads(answer)

    @property
    def memory(self) -> float:
        """Its peak memory in MiB so far."""
        return peak_mebibytes(self.process_id)


@contextmanager
def plugin_server(**variables: str) -> Iterator[PluginServer]:
    """A server process with these environment variables, without the log on the screen."""
    arguments: list[str | Path] = [COMMAND, "serve", "--port", "0", "--log-format", "json"]
    environment = {**os.environ, **variables}
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr
        port = int(json.loads(process.stderr.readline())["url"].rsplit(":", 1)[1])
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        try:
            yield PluginServer(port, process.pid)
        finally:
            process.terminate()
            process.wait()
            drain.wait()
