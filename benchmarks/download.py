"""One blob of 256 MiB, hashed: the client's open_blob against curl piped through the fastest sha256 that is here."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.images import layer_of, write_image
from benchmarks.measuring import Goal, Run, Work, alternate, fastest, median, peak, say
from benchmarks.processes import module_run, timed
from tests.real.registries import plain_registry

MIB = 1024 * 1024
SIZE = 256
PATH = "bench/download"
RATE = Goal(0.5, at_most=False)
HASHERS = {"openssl": "openssl dgst -sha256", "sha256sum": "sha256sum"}


def main() -> None:
    """Measure in turn, and print the ratio of the rates; aiohttp's own rate beside it, as it is the ceiling."""
    with tempfile.TemporaryDirectory() as name, plain_registry(Path(name)) as registry:
        write_image(Path(name) / "image", 1, SIZE * MIB)
        registry.push(f"oci:{name}/image", f"{PATH}:1")
        digest, size = layer_of(Path(name) / "image")
        url = f"{registry.url}/v2/{PATH}/blobs/{digest}"
        arguments = (registry.host, PATH, digest, str(size))
        works: dict[str, Work] = {
            "ours": partial(module_run, "benchmarks.client_work", "download", *arguments),
            "aiohttp": partial(module_run, "benchmarks.client_work", "download_aiohttp", *arguments),
        }
        works |= {f"curl | {hasher}": partial(_curl, url, digest, hasher) for hasher in HASHERS if shutil.which(hasher)}
        runs = alternate(works)
    rates = {work: SIZE / median(measured) for work, measured in runs.items()}
    peer = fastest({work: measured for work, measured in runs.items() if work.startswith("curl")})
    numbers = ", ".join(f"{work} {rate:,.0f} MiB/s" for work, rate in rates.items())
    say(f"download of {SIZE} MiB, hashed", numbers, rates["ours"] / rates[peer], RATE, peak(runs["ours"]))


def _curl(url: str, digest: str, hasher: str) -> Run:
    run, said = timed(["sh", "-c", f"curl -sSf '{url}' | {HASHERS[hasher]}"])
    assert digest.removeprefix("sha256:") in said.decode()
    return run


if __name__ == "__main__":
    main()
