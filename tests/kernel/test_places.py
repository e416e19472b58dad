from __future__ import annotations

import asyncio
import time

import pytest

from drawbar.kernel.places import Places


def soon() -> float:
    return time.monotonic() + 5


async def test_places_are_taken_until_none_is_left_and_again_when_given_back() -> None:
    places = Places(2)

    taken = [places.take() for _ in range(3)]
    places.give_back()

    assert taken == [True, True, False]
    assert places.is_free
    assert places.take()
    assert not places.is_free


async def test_those_who_wait_come_in_their_order_and_before_who_comes_later() -> None:
    places = Places(1)
    places.take()
    came: list[int] = []

    async def one(number: int) -> None:
        await places.wait(soon())
        came.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(3)]
    await asyncio.sleep(0)
    for _ in tasks:
        places.give_back()
        assert not places.take()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)

    assert came == [0, 1, 2]


async def test_waiting_ends_in_time_and_takes_nothing_along() -> None:
    places = Places(1)
    places.take()

    with pytest.raises(TimeoutError):
        await places.wait(time.monotonic() + 0.01)
    places.give_back()

    assert places.take()
    assert not places.take()


async def test_a_place_given_to_someone_who_has_just_left_goes_to_the_next() -> None:
    places = Places(1)
    places.take()
    leaving = asyncio.create_task(places.wait(soon()))
    next_one = asyncio.create_task(places.wait(soon()))
    await asyncio.sleep(0)

    places.give_back()
    leaving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await leaving
    await asyncio.wait_for(next_one, 5)
    places.give_back()
    assert places.take()


async def test_one_that_was_cancelled_while_it_waited_is_passed_over() -> None:
    places = Places(1)
    places.take()
    leaving = asyncio.create_task(places.wait(soon()))
    next_one = asyncio.create_task(places.wait(soon()))
    await asyncio.sleep(0)

    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    places.give_back()

    await asyncio.wait_for(next_one, 5)
