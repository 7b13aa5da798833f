"""Digests of 1,000 tags of a registry whose answers take 20 ms longer, against one HEAD after another in Go.

The peer is go-containerregistry's Head in a loop, which is what Concourse's registry-image-resource does in `check`.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.client_work import AT_ONCE
from benchmarks.go_programs import head_tags
from benchmarks.measuring import Goal, Work, alternate, median, peak, say
from benchmarks.processes import module_run, timed
from benchmarks.slow_proxy import SlowProxy, slow_proxy
from benchmarks.tagged_repository import push_tags
from tests.real.registries import plain_registry

TAGS = 1000
DELAY = 0.02
PATH = "bench/tags"
TIMES_FASTER = Goal(20, at_most=False)


def main() -> None:
    """Measure in turn, and print how many times faster we are."""
    with tempfile.TemporaryDirectory() as name, plain_registry(Path(name)) as registry:
        push_tags(registry, Path(name), PATH, TAGS)
        with slow_proxy(registry.host, DELAY) as proxy:
            cold(proxy)


def cold(proxy: SlowProxy) -> None:
    """Nothing known: ours and the peer, each as a new process."""
    ours_cold = partial(module_run, "benchmarks.client_work", "digests", proxy.host, PATH, str(TAGS))
    works: dict[str, Work] = {"ours": ours_cold}
    if peer := head_tags():
        works["go"] = lambda: timed([peer, f"{proxy.host}/{PATH}"])[0]
    proxy.take_counts()
    ours_cold()
    counts = proxy.take_counts()
    runs = alternate(works, warm_up=False)
    ours, theirs = median(runs["ours"]), median(runs["go"]) if peer else None
    numbers = f"ours {ours:.2f} s in {counts.requests} requests, {counts.most_at_once} of {AT_ONCE} at once"
    if theirs:
        numbers += f", one after another in Go {theirs:.2f} s"
    say(f"{TAGS} tags, cold", numbers, theirs and theirs / ours, TIMES_FASTER, peak(runs["ours"]))


if __name__ == "__main__":
    main()
