"""What many tags name: asked for at once within the bounds, and not again for a while."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from registry.concurrency import for_each
from registry.descriptor import Descriptor
from registry.known import Known
from registry.names import Reference, Repository

_AT_ONCE = 64
"""More than any host gets at once: the bound of the host decides."""


async def digests_of(
    resolve: Callable[[Reference], Awaitable[Descriptor]],
    known: Known,
    repository: Repository,
    tags: list[str],
    max_age: float,
) -> dict[str, Descriptor]:
    """Descriptors by tag, in the order of the tags. One that can't be had fails all: nothing partial is answered."""
    found = await known.tagged(repository, tags, time.time() - max_age) if max_age > 0 else {}
    missing = [tag for tag in tags if tag not in found]
    asked = await for_each(missing, lambda tag: resolve(repository.tag(tag)), _AT_ONCE)
    fresh = dict(zip(missing, asked, strict=True))
    await known.keep_tagged(repository, fresh)
    return {tag: fresh[tag] if tag in fresh else found[tag] for tag in tags}
