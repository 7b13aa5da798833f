"""Push and pull of whole images, layout on disk: ours against `skopeo copy` and `crane`, in turn.

Ours is measured as a request to a running server, which is how the product runs, and as a whole process. Every push
goes to a new name, and nobody finds anything in a cache.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.image_tools import PULLED, Skopeo, Tool, Workplace, ours, peers
from benchmarks.images import write_image
from benchmarks.measuring import Goal, Run, alternate, fastest, median, peak, say
from benchmarks.processes import settle
from tests.real.registries import plain_registry

MIB = 1024 * 1024
IMAGES = {"1 GiB in 4 layers": (4, 256 * MIB, Goal(1.0)), "64 layers of 1 MiB": (64, MIB, Goal(0.8))}
PUSHED = "bench/image"


def main() -> None:
    """Measure each image both ways."""
    for title, (layers, size, goal) in IMAGES.items():
        with tempfile.TemporaryDirectory() as name, plain_registry(Path(name)) as registry:
            write_image(Path(name) / "image", layers, size)
            place = Workplace(Path(name), registry.host)
            tools = {**ours(place), **peers(place)}
            show(f"push {title}", alternate({who: partial(_push, tool, count()) for who, tool in tools.items()}), goal)
            Skopeo(place).push(PUSHED)
            show(f"pull {title}", alternate({who: partial(_pull, tool, place) for who, tool in tools.items()}), goal)


def _push(tool: Tool, numbers: count[int]) -> Run:
    settle()
    return tool.push(f"bench/{type(tool).__name__.lower()}-{next(numbers)}")


def _pull(tool: Tool, place: Workplace) -> Run:
    settle()
    run = tool.pull(PUSHED)
    shutil.rmtree(place.folder / PULLED)
    return run


def show(title: str, runs: dict[str, list[Run]], goal: Goal) -> None:
    """A line for each of our ways, against the faster peer."""
    others = {who: measured for who, measured in runs.items() if not who.startswith("our ")}
    theirs = ", ".join(f"{who} {median(measured):.2f} s" for who, measured in others.items())
    for who in runs.keys() - others.keys():
        mine = median(runs[who])
        ratio = mine / median(others[fastest(others)])
        say(title, f"{who} {mine:.2f} s, {theirs}", ratio, goal, peak(runs[who]))


if __name__ == "__main__":
    main()
