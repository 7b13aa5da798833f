"""Reports: lines for a person about work that is going on."""

from __future__ import annotations

from collections.abc import Callable

from registry.descriptor import Descriptor

Report = Callable[[str], None]
"""Takes one line."""

_UNIT = 1024.0


def human_size(size: int) -> str:
    """Bytes as a person reads them: `34.1 MB` (of 1024 × 1024)."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < _UNIT:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _UNIT
    return f"{amount:.1f} TB"


def short(descriptor: Descriptor) -> str:
    """A blob as a person reads it: the start of its digest, and its size."""
    return f"{descriptor.digest.algorithm}:{descriptor.digest.hex[:12]} ({human_size(descriptor.size)})"
