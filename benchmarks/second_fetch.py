"""The same image fetched a second time by the same server: how long it takes, and what the registry sends."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks.image_tools import PULLED, Skopeo, Workplace, fetch, fresh_server, warm_up
from benchmarks.images import write_image
from benchmarks.measuring import ROUNDS, Goal, Run, median, peak, say
from benchmarks.plugin_server import PluginServer
from benchmarks.processes import settle
from benchmarks.registry_log import RegistryLog
from tests.real.registries import plain_registry

MIB = 1024 * 1024
LAYERS, SIZE = 4, 256 * MIB
PUSHED = "bench/image"
GOAL = Goal(0.1)


def main() -> None:
    """Measure pairs of fetches, each pair by a server that knows nothing yet."""
    first: list[Run] = []
    second: list[Run] = []
    moved: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as name, plain_registry(Path(name)) as registry:
        write_image(Path(name) / "image", LAYERS, SIZE)
        place, log = Workplace(Path(name), registry.host), RegistryLog(Path(name))
        Skopeo(place).push(PUSHED)
        for _ in range(ROUNDS):
            with fresh_server() as server:
                warm_up(server, place, "bench/warm-up")
                log.blob_bytes()
                pair = []
                for runs in (first, second):
                    runs.append(_fetch_anew(server, place))
                    pair.append(log.blob_bytes())
                moved.append((pair[0], pair[1]))
    sent = [statistics.median(pair[which] for pair in moved) / MIB for which in (0, 1)]
    ours, before = median(second), median(first)
    numbers = f"second {ours:.2f} s ({sent[1]:,.1f} MiB of blobs), first {before:.2f} s ({sent[0]:,.1f} MiB)"
    say(f"second fetch of {LAYERS} layers, {SIZE // MIB} MiB each", numbers, ours / before, GOAL, peak(second))


def _fetch_anew(server: PluginServer, place: Workplace) -> Run:
    settle()
    run = fetch(server, place, PUSHED)
    shutil.rmtree(place.folder / PULLED)
    return run


if __name__ == "__main__":
    main()
