"""Places at a host: in order, fewer after «too many», and none is ever lost."""

from __future__ import annotations

import asyncio

from registry.bounds import HostBound, HostBounds


async def test_who_came_first_is_let_in_first() -> None:
    bound, order = HostBound(1), list[int]()
    await bound.enter()

    async def wait(number: int) -> None:
        await bound.enter()
        order.append(number)
        bound.leave()

    tasks = [asyncio.create_task(wait(number)) for number in range(5)]
    await asyncio.sleep(0)
    bound.leave()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]


async def test_a_wave_of_429s_halves_the_bound_once_and_good_answers_raise_it_again() -> None:
    now = 0.0
    bound = HostBound(32, clock=lambda: now)
    now = 10.0
    for _ in range(8):
        bound.too_many(began=5.0)
    assert bound.bound == 16, "all of them had begun before it fell"
    now = 20.0
    bound.too_many(began=15.0)
    assert bound.bound == 8
    for _ in range(20):
        bound.answered()
    assert bound.bound == 9
    for _ in range(20 * 100):
        bound.answered()
    assert bound.bound == 32


async def test_the_bound_never_falls_to_none() -> None:
    now = 0.0
    bound = HostBound(2, clock=lambda: now)
    for _ in range(5):
        now += 1
        bound.too_many(began=now)
    assert bound.bound == 1
    await bound.enter()
    bound.leave()


async def test_who_gives_up_waiting_takes_no_place_with_it() -> None:
    bound = HostBound(1)
    await bound.enter()
    waiting = [asyncio.create_task(bound.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    bound.leave()
    waiting[1].cancel()
    await asyncio.gather(*waiting[:2], return_exceptions=True)
    async with asyncio.timeout(1):
        await waiting[2]
    bound.leave()
    async with asyncio.timeout(1):
        await bound.enter()


async def test_more_than_the_bound_are_never_under_way() -> None:
    bound, inside, most = HostBounds(3).of("registry.example.com"), 0, 0

    async def request() -> None:
        nonlocal inside, most
        await bound.enter()
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        bound.leave()

    await asyncio.gather(*(request() for _ in range(30)))
    assert most == 3


def test_each_host_has_a_bound_of_its_own() -> None:
    bounds = HostBounds(3)
    assert bounds.of("a") is bounds.of("a")
    assert bounds.of("a") is not bounds.of("b")
