"""What the registry client counts, in Prometheus' default registry. Hosts are labels; secrets and paths never are."""

from __future__ import annotations

import httpx
from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("gocd_registry_client_requests", "Requests sent to registries", ["host", "method", "status"])
LATENCY = Histogram(
    "gocd_registry_client_request_seconds",
    "Seconds until a registry's answer began",
    ["host"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
RATE_LIMITED = Counter("gocd_registry_client_rate_limited", "Answers with status 429", ["host"])
RATE_LIMIT_REMAINING = Gauge(
    "gocd_registry_client_rate_limit_remaining", "What is left of the host's rate limit, where it says so", ["host"]
)
RETRIES = Counter("gocd_registry_client_retries", "Requests that were repeated", ["host"])
TOKENS = Counter("gocd_registry_client_tokens", "Tokens asked for", ["host", "outcome"])
BYTES = Counter("gocd_registry_client_bytes", "Bytes of blobs moved", ["host", "direction"])
TAGS = Counter("gocd_registry_client_tags", "Tags listed", ["host"])
CACHE = Counter("gocd_registry_client_cache", "Questions to the caches", ["kind", "outcome"])


def count_cached(kind: str, *, found: bool) -> None:
    """Take note of a question to a cache: a fact of some kind, or a layer."""
    CACHE.labels(kind, "found" if found else "missing").inc()


def count(host: str, method: str, response: httpx.Response, seconds: float) -> None:
    """Take note of an answer that began after so many seconds."""
    REQUESTS.labels(host, method, str(response.status_code)).inc()
    LATENCY.labels(host).observe(seconds)
    read_rate_limit(host, response.headers.get("RateLimit-Remaining"))
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        RATE_LIMITED.labels(host).inc()


def read_rate_limit(host: str, remaining: str | None) -> None:
    """Take note of a `RateLimit-Remaining` header, such as Docker Hub's `76;w=21600`."""
    number = (remaining or "").partition(";")[0].strip()
    if number.isdecimal():
        RATE_LIMIT_REMAINING.labels(host).set(int(number[:9]))
