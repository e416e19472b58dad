import asyncio
import time

import pytest

from drawbar.kernel.ticker import TICK, Ticker, TimeLimit


async def test_an_alarm_rings_at_its_time_or_a_tick_later() -> None:
    rang = asyncio.Event()
    begun = time.monotonic()

    Ticker().at(begun + 0.05, rang.set)
    async with asyncio.timeout(5):
        await rang.wait()

    assert time.monotonic() >= begun + 0.05


async def test_a_cancelled_alarm_never_rings() -> None:
    ticker = Ticker()
    rang: list[str] = []
    done = asyncio.Event()
    now = time.monotonic()

    cancelled = ticker.at(now, lambda: rang.append("cancelled"))
    ticker.at(now, lambda: rang.append("first"))
    ticker.at(now + 2 * TICK, done.set)
    cancelled.cancel()
    cancelled.cancel()
    async with asyncio.timeout(5):
        await done.wait()

    assert rang == ["first"]


async def test_a_ticker_without_alarms_sleeps_and_wakes_again() -> None:
    ticker = Ticker()
    ticker.at(time.monotonic(), lambda: None)
    async with asyncio.timeout(5):
        while ticker._loop is not None:
            await asyncio.sleep(TICK)

    again = asyncio.Event()
    ticker.at(time.monotonic(), again.set)
    async with asyncio.timeout(5):
        await again.wait()


async def test_an_alarm_may_cancel_another_that_is_due() -> None:
    ticker = Ticker()
    rang: list[str] = []
    done = asyncio.Event()
    now = time.monotonic()

    def ring() -> None:
        rang.append("first")
        second.cancel()

    first = ticker.at(now, ring)
    second = ticker.at(now, lambda: rang.append("second"))
    ticker.at(now + 2 * TICK, done.set)

    async with asyncio.timeout(5):
        await done.wait()
    first.cancel()

    assert rang == ["first"]


async def test_work_that_is_late_is_cut_off() -> None:
    with pytest.raises(TimeoutError), TimeLimit(Ticker(), time.monotonic() + 0.02):
        await asyncio.Event().wait()

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_work_that_is_in_time_is_left_alone() -> None:
    ticker = Ticker()

    with TimeLimit(ticker, time.monotonic() + 60):
        await asyncio.sleep(0)

    assert ticker.alarms == {}


async def test_an_error_that_the_cut_off_became_wins() -> None:
    async def work() -> None:
        with TimeLimit(Ticker(), time.monotonic()):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise KeyError from None

    with pytest.raises(KeyError):
        await work()

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancel_from_elsewhere_is_no_time_out() -> None:
    async def work() -> None:
        with TimeLimit(Ticker(), time.monotonic()):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                task.cancel()
                raise

    task = asyncio.ensure_future(work())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_time_limit_needs_a_task() -> None:
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def outside_of_any_task() -> None:
        try:
            TimeLimit(Ticker(), 0.0).__enter__()
        except RuntimeError as error:
            failed.set_result(str(error))

    asyncio.get_running_loop().call_soon(outside_of_any_task)
    assert await failed == "a time limit needs a task that it can cut off"
