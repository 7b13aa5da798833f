"""Small requests per second on loopback, 32 at once: HEADs by the whole client against aiohttp alone, same URLs.

Each HEAD is of a tag of its own: identical questions would be asked once.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.client_work import AT_ONCE, WARM_UP
from benchmarks.measuring import Goal, alternate, median, peak, say
from benchmarks.processes import module_run
from benchmarks.tagged_repository import copy_tags, push_tags
from tests.real.registries import plain_registry

COUNT = 3000
PATH = "bench/requests"
RATE = Goal(0.7, at_most=False)


def main() -> None:
    """Measure in turn, and print the ratio of the rates."""
    with tempfile.TemporaryDirectory() as name, plain_registry(Path(name)) as registry:
        push_tags(registry, Path(name), PATH, 1)
        copy_tags(Path(name), PATH, COUNT + WARM_UP)
        works = {
            work: partial(module_run, "benchmarks.client_work", work, registry.host, PATH, str(COUNT))
            for work in ("resolve", "plain_aiohttp")
        }
        runs = alternate(works)
    ours, theirs = (COUNT / median(runs[work]) for work in works)
    numbers = f"ours {ours:,.0f}/s, aiohttp {theirs:,.0f}/s"
    say(f"small requests, {AT_ONCE} at once", numbers, ours / theirs, RATE, peak(runs["resolve"]))


if __name__ == "__main__":
    main()
