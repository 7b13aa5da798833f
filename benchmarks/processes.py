"""Processes that are measured: run to their end, or looked at while they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measuring import Run


def peak_mebibytes(process_id: int | str = "self") -> float:
    """The most memory that a process has held (Linux)."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def timed(
    command: Sequence[str | Path], body: bytes = b"", variables: Mapping[str, str] | None = None
) -> tuple[Run, bytes]:
    """Run a process to its end: wall time, its own peak memory, and what it said. Ends the benchmark if it fails."""
    environment = {**os.environ, **(variables or {})}
    with tempfile.TemporaryFile() as given:
        given.write(body)
        given.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {said.decode(errors='replace')}")
    return Run(seconds, usage.ru_maxrss / 1024), said


def module_run(module: str, *arguments: str) -> Run:
    """Run one of our modules as a process of its own; it prints what it measured inside, start-up left out."""
    _, said = timed([sys.executable, "-m", module, *arguments])
    return Run(**json.loads(said.splitlines()[-1]))


def settle() -> None:
    """Let the disk catch up, so that no run pays for what another wrote."""
    os.sync()
