"""When and how long to wait before a request is repeated: a value, so that tests need no sleeping."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from registry.errors import ConnectionFailed, NameNotResolved, RegistryError, RequestRefused, TLSFailed

Result = TypeVar("Result")

_TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retry:
    """Jittered exponential back-off; times in seconds."""

    attempts: int = 4
    base: float = 0.5
    cap: float = 15.0
    longest_retry_after: float = 60.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random

    async def run(self, work: Callable[[], Awaitable[Result]], on_repeat: Callable[[], None] = lambda: None) -> Result:
        """Do it, and again while it fails in a way that may pass; the last failure is raised as it came."""
        try:
            return await work()
        except RegistryError as error:
            first = error
        # Only now: to set tenacity up takes a tenth of a small request's time, and nearly all succeed at once.
        async for attempt in self._attempting(on_repeat):
            with attempt:
                if attempt.retry_state.attempt_number == 1:
                    raise first
                return await work()
        raise AssertionError("an attempt either returns or raises")

    def _attempting(self, on_repeat: Callable[[], None]) -> AsyncRetrying:
        return AsyncRetrying(
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            retry=retry_if_exception(self.is_worth_repeating),
            sleep=self.sleep,
            before_sleep=lambda _: on_repeat(),
            after=self._mark_final,
            reraise=True,
        )

    def is_worth_repeating(self, error: BaseException) -> bool:
        """Whether the same request may well succeed in a moment."""
        if isinstance(error, RegistryError) and error.is_final:
            return False
        if isinstance(error, RequestRefused):
            too_long = (error.retry_after or 0) > self.longest_retry_after
            return error.status in _TRANSIENT_STATUSES and not too_long
        return isinstance(error, ConnectionFailed) and not isinstance(error, TLSFailed | NameNotResolved)

    def delay(self, attempt: int, error: RegistryError | None = None) -> float:
        """Seconds before the attempt after this one (the first is 1)."""
        back_off: float = min(self.cap, self.base * 2 ** (attempt - 1)) * (0.5 + self.random() / 2)
        asked = error.retry_after if isinstance(error, RequestRefused) and error.retry_after else 0.0
        return max(back_off, min(asked, self.longest_retry_after))

    def _mark_final(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RegistryError) and state.attempt_number >= self.attempts:
            error.is_final = True

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return self.delay(state.attempt_number, error if isinstance(error, RegistryError) else None)


def retry_after_seconds(header: str | None, now: float | None = None) -> float | None:
    """Read `Retry-After`, which is a number of seconds or a date (RFC 9110, section 10.2.3)."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        moment = parsedate_to_datetime(header).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment - (time.time() if now is None else now))
