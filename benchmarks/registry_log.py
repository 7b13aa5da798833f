"""What docker-registry writes of its answers: how many requests came, and how many bytes of blobs went out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# The combined log format: … "GET /v2/a/blobs/sha256:… HTTP/1.1" 200 1234 …
_LINE = re.compile(r'"(?P<method>[A-Z]+) (?P<path>/v2/\S*) HTTP/[\d.]+" (?P<status>\d+) (?P<size>\d+)')


@dataclass
class RegistryLog:
    """The log of a registry, read on from where the last look ended."""

    folder: Path
    _read: int = 0

    def blob_bytes(self) -> int:
        """Bytes of blobs that were sent since the last look."""
        found = self._answers()
        return sum(
            int(answer["size"]) for answer in found if answer["method"] == "GET" and "/blobs/sha256:" in answer["path"]
        )

    def _answers(self) -> list[re.Match[str]]:
        with (self.folder / "registry.log").open() as log:
            log.seek(self._read)
            text = log.read()
            self._read = log.tell()
        return list(_LINE.finditer(text))
