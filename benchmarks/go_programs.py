"""Peers written in Go, built once into a cache folder outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.20.2"
SOURCES = Path(__file__).parent / "peers"


def crane() -> Path | None:
    """The `crane` command; None where there is no Go."""
    folder = _cache() / CRANE.replace("/", "-")
    return _built(folder / "crane", ["install", CRANE], SOURCES, {"GOBIN": str(folder)})


def head_tags() -> Path | None:
    """The program of peers/head_tags; None where there is no Go."""
    target = _cache() / "head_tags"
    # Built each time, which Go makes cheap: its source may have changed.
    target.unlink(missing_ok=True)
    return _built(target, ["build", "-o", str(target), "."], SOURCES / "head_tags", {})


def _built(target: Path, arguments: list[str], folder: Path, variables: dict[str, str]) -> Path | None:
    if target.exists():
        return target
    if shutil.which("go") is None:
        print(f"There is no `go` on this machine: {target.name} is left out.")
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **variables}
    done = subprocess.run(["go", *arguments], check=False, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{target.name} can't be built and is left out: {done.stderr.strip()[-300:]}")
        return None
    return target


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()) / "gocd-registry-benchmarks"
