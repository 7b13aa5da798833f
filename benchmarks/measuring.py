"""What one run took, runs taken in turn, and the line that says whether a goal is met."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ROUNDS = int(os.environ.get("ROUNDS", "5"))


@dataclass(frozen=True)
class Run:
    """One run: wall seconds, and the peak memory in MiB of the process that worked."""

    seconds: float
    memory: float = 0.0


Work = Callable[[], Run]


@dataclass(frozen=True)
class Goal:
    """A bound for a ratio."""

    bound: float
    at_most: bool = True

    def judge(self, ratio: float) -> str:
        """The goal, and whether this ratio meets it."""
        met = ratio <= self.bound if self.at_most else ratio >= self.bound
        return f"goal {'≤' if self.at_most else '≥'} {self.bound:g} {'met' if met else 'MISSED'}"


MEMORY = Goal(150)


def alternate(works: Mapping[str, Work], rounds: int = ROUNDS, warm_up: bool = True) -> dict[str, list[Run]]:
    """Run all in turn, so that a noisy minute meets all of them; the first round only warms caches."""
    runs: dict[str, list[Run]] = {name: [] for name in works}
    for _ in range(rounds + warm_up):
        for name, work in works.items():
            runs[name].append(work())
    return {name: measured[warm_up:] for name, measured in runs.items()}


def median(runs: list[Run]) -> float:
    """The median of wall seconds."""
    return statistics.median(run.seconds for run in runs)


def peak(runs: list[Run]) -> float:
    """The most memory of any run."""
    return max(run.memory for run in runs)


def fastest(runs: Mapping[str, list[Run]]) -> str:
    """Whose median is least."""
    return min(runs, key=lambda name: median(runs[name]))


def say(work: str, numbers: str, ratio: float | None, goal: Goal, memory: float) -> None:
    """Print one result; without a ratio there was no peer."""
    verdict = "no peer" if ratio is None else f"ratio {ratio:.2f}, {goal.judge(ratio)}"
    print(f"{work}: {numbers}: {verdict}; our peak memory {memory:.0f} MiB, {MEMORY.judge(memory)}", flush=True)
