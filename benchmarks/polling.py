"""1,000 packages over 50 repositories, each asked once for what is new, as GoCD asks in a round.

GoCD polls ten at once; all at once is what it never does, and must still stay within the bounds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.image_tools import fresh_server
from benchmarks.measuring import MEMORY, ROUNDS, Goal
from benchmarks.plugin_server import PluginServer
from benchmarks.slow_proxy import Counts, SlowProxy, slow_proxy
from benchmarks.tagged_repository import copy_repository, push_tags
from registry.limits import Limits
from tests.real.registries import plain_registry

PACKAGES, REPOSITORIES, TAGS = 1000, 50, 200
DELAY = 0.02
AT_ONCE = (10, PACKAGES)
SECONDS_BETWEEN_ROUNDS = 6
"""Longer than a list of tags may be kept: each round has to ask anew."""
ONE_REQUEST_PER_REPOSITORY = Goal(REPOSITORIES)
BOUND_PER_HOST = Goal(Limits().requests_per_host)


@dataclass(frozen=True)
class Round:
    """One round of polls."""

    seconds: float
    counts: Counts
    refused: int


def main() -> None:
    """Rounds in which nothing is new, at GoCD's pace and all at once; the first finds a server that knows nothing."""
    with tempfile.TemporaryDirectory() as name, plain_registry(Path(name)) as registry:
        push_tags(registry, Path(name), "bench/0", TAGS)
        for number in range(1, REPOSITORIES):
            copy_repository(Path(name), "bench/0", f"bench/{number}")
        with slow_proxy(registry.host, DELAY) as proxy:
            for at_once in AT_ONCE:
                with fresh_server() as server:
                    show(at_once, list(_rounds(server, proxy, at_once)), server.memory)


def _rounds(server: PluginServer, proxy: SlowProxy, at_once: int) -> Iterator[Round]:
    for number in range(ROUNDS):
        if number:
            time.sleep(SECONDS_BETWEEN_ROUNDS)
        yield _poll(server, proxy, at_once)


def _poll(server: PluginServer, proxy: SlowProxy, at_once: int) -> Round:
    bodies = [_package(proxy.host, number) for number in range(PACKAGES)]
    proxy.take_counts()
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        answers = list(
            threads.map(lambda body: server.ask("package-repository", "latest-revision-since", body), bodies)
        )
    seconds = time.perf_counter() - began
    return Round(seconds, proxy.take_counts(), sum(status != 200 for status, _ in answers))


def _package(host: str, number: int) -> dict[str, Any]:
    return {
        "repository-configuration": {"DOCKER_REGISTRY_URL": {"value": f"http://{host}/v2/"}},
        "package-configuration": {
            "DOCKER_IMAGE": {"value": f"bench/{number % REPOSITORIES}"},
            # Packages of a repository differ in what they filter for.
            "DOCKER_TAG_FILTER": {"value": f"^1\\.{number // REPOSITORIES}"},
        },
        "previous-revision": {"revision": "1.999", "timestamp": "2026-01-02T03:04:05.678Z", "data": {}},
    }


def show(at_once: int, rounds: list[Round], memory: float) -> None:
    """The worst round's requests, and the median of seconds."""
    requests = max(round_.counts.requests for round_ in rounds)
    most = max(round_.counts.most_at_once for round_ in rounds)
    seconds = statistics.median(round_.seconds for round_ in rounds)
    print(
        f"{PACKAGES} packages over {REPOSITORIES} repositories, {at_once} at once: {seconds:.2f} s a round, "
        f"{requests} requests reached the registry ({ONE_REQUEST_PER_REPOSITORY.judge(requests)}), "
        f"{most} at once ({BOUND_PER_HOST.judge(most)}), {sum(round_.refused for round_ in rounds)} refused; "
        f"our peak memory {memory:.0f} MiB, {MEMORY.judge(memory)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
