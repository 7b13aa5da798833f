"""`python -m benchmarks [NAME …]`: run all benchmarks, or those named."""

from __future__ import annotations

import importlib
import sys

NAMES = ("dispatch", "requests", "download", "tags", "transfer", "second_fetch", "polling")


def main() -> None:
    """Run them one after another."""
    chosen = sys.argv[1:] or NAMES
    for name in chosen:
        if name not in NAMES:
            raise SystemExit(f"There is no benchmark {name}; there are {', '.join(NAMES)}.")
        print(f"== {name}")
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
