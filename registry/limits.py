"""Limits on time, on sizes, and on how much happens at once."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_ERROR_BODY = 64 * 1024
"""Bytes of an error answer that are read."""
LARGEST_TAGS_PAGE = 32 * 1024 * 1024
"""Bytes of one page of tags: 200,000 tags of the greatest length, from a registry that knows no pages."""
LARGEST_TOKEN_ANSWER = 1024 * 1024
"""Bytes of a token server's answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, each for one step and never for a whole transfer; counts of requests under way."""

    connect: float = 10.0
    idle: float = 60.0
    """Without a single byte, either way."""
    page: float = 60.0
    """For the whole of a small answer: a page of tags, a manifest."""
    commit: float = 600.0
    """For the answer to a finished upload: registries hash and move gigabytes before they give it."""
    token: float = 30.0
    user_agent: str = "gocd-registry-plugin"
    requests_per_host: int = 32
    large_transfers: int = 4
    small_transfers: int = 16
    tag_list_age: float = 5.0
    """How old a list of tags may be that is given instead of asking again."""
