"""Our own commands as processes."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("gocd-registry")
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "GOCD_REGISTRY_CACHE_DIRECTORY")


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """A clean environment: no setting of the machine's own gets into a test."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | dict(variables or {})


def run(
    *arguments: str, body: bytes = b"", variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, *arguments], input=body, capture_output=True, timeout=60, env=environment(variables), check=False
    )


class Serving:
    """A server process; what it writes to standard error is kept."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._new: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line)
            self._new.put(line)

    def wait_for(self, message: str) -> dict[str, Any]:
        """The next line with this message (the server logs JSON)."""
        while True:
            line: dict[str, Any] = json.loads(self._new.get(timeout=20))
            if line["message"] == message:
                return line

    def join(self) -> None:
        self.process.wait(30)
        self._reader.join(30)


@contextmanager
def serving(*arguments: str, variables: Mapping[str, str] | None = None) -> Iterator[tuple[Serving, str]]:
    """A server on a free port, with JSON logs, and its address."""
    command: Sequence[str | Path] = [COMMAND, "serve", "--port", "0", "--log-format", "json", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(variables)) as process:
        server = Serving(process)
        try:
            yield server, server.wait_for("listening")["url"]
        finally:
            process.terminate()
            server.join()
