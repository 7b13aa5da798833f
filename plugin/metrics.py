"""What the server counts, in Prometheus' default registry, beside what the registry client counts there.

Labels come from the table of operations only: an unknown name can't make a new series.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("gocd_registry_requests", "Requests answered", ["extension", "request", "code"])
LATENCY = Histogram(
    "gocd_registry_request_seconds",
    "Seconds from a request to its response",
    ["extension", "request"],
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
IN_FLIGHT = Gauge("gocd_registry_requests_in_flight", "Requests under way", ["extension", "request"])


@dataclass(slots=True)
class Measured:
    """The outcome of a request that is being measured; `cancelled` until there is a code."""

    code: int | None = None


@contextmanager
def measured(extension: str, request: str) -> Iterator[Measured]:
    """Count a request, its time and, once it is set, its code."""
    outcome = Measured()
    in_flight, latency = _series(extension, request)
    in_flight.inc()
    started = time.perf_counter()
    try:
        yield outcome
    finally:
        in_flight.dec()
        latency.observe(time.perf_counter() - started)
        count(extension, request, outcome.code or "cancelled")


def count(extension: str, request: str, code: int | str) -> None:
    """Count a request by its outcome."""
    _counter(extension, request, str(code)).inc()


@cache
def _series(extension: str, request: str) -> tuple[Gauge, Histogram]:
    return IN_FLIGHT.labels(extension, request), LATENCY.labels(extension, request)


@cache
def _counter(extension: str, request: str, code: str) -> Counter:
    return REQUESTS.labels(extension, request, code)
