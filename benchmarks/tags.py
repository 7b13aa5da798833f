"""Digests of 1,000 tags of a registry whose answers take 20 ms longer, against one HEAD after another in Go.

The peer is go-containerregistry's Head in a loop, which is what Concourse's registry-image-resource does in `check`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.client_work import AT_ONCE
from benchmarks.go_programs import head_tags
from benchmarks.measuring import MEMORY, ROUNDS, Goal, Run, Work, alternate, median, peak, say
from benchmarks.processes import module_run, timed
from benchmarks.slow_proxy import SlowProxy, slow_proxy
from benchmarks.tagged_repository import push_tags
from tests.real.registries import plain_registry

TAGS = 1000
DELAY = 0.02
PATH = "bench/tags"
TIMES_FASTER = Goal(20, at_most=False)
ONE_REQUEST = Goal(1)


def main() -> None:
    """Cold: in turn with the peer, how many times faster we are. Warm: how many requests it takes."""
    with tempfile.TemporaryDirectory() as name, plain_registry(Path(name)) as registry:
        push_tags(registry, Path(name), PATH, TAGS)
        with slow_proxy(registry.host, DELAY) as proxy:
            cold(proxy)
            warm(proxy)


def cold(proxy: SlowProxy) -> None:
    """Nothing known: ours and the peer, each as a new process."""
    works: dict[str, Work] = {"ours": lambda: _ours_cold(proxy)}
    if peer := head_tags():
        works["go"] = lambda: timed([peer, f"{proxy.host}/{PATH}"])[0]
    proxy.take_counts()
    works["ours"]()
    counts = proxy.take_counts()
    runs = alternate(works, warm_up=False)
    ours, theirs = median(runs["ours"]), median(runs["go"]) if peer else None
    numbers = f"ours {ours:.2f} s in {counts.requests} requests, {counts.most_at_once} of {AT_ONCE} at once"
    if theirs:
        numbers += f", one after another in Go {theirs:.2f} s"
    say(f"{TAGS} tags, cold", numbers, theirs and theirs / ours, TIMES_FASTER, peak(runs["ours"]))


def warm(proxy: SlowProxy) -> None:
    """Nothing new since a process before asked for the same, and had its answers kept on disk."""
    runs, requests = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as cache:
            _ours(proxy, cache)
            proxy.take_counts()
            runs.append(_ours(proxy, cache))
            requests.append(proxy.take_counts().requests)
    numbers = f"ours {median(runs):.2f} s, {max(requests)} requests ({ONE_REQUEST.judge(max(requests))})"
    memory = peak(runs)
    print(f"{TAGS} tags, warm: {numbers}; our peak memory {memory:.0f} MiB, {MEMORY.judge(memory)}")


def _ours_cold(proxy: SlowProxy) -> Run:
    with tempfile.TemporaryDirectory() as cache:
        return _ours(proxy, cache)


def _ours(proxy: SlowProxy, cache: str) -> Run:
    return module_run("benchmarks.client_work", "digests", proxy.host, PATH, str(TAGS), cache)


if __name__ == "__main__":
    main()
