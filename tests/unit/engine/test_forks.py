"""A fork is held while there is work, and lent while there is none."""

from __future__ import annotations

import asyncio

import pytest

from outlast.engine.forks import Fork

pytestmark = pytest.mark.looptime


async def test_a_fork_that_is_lent_is_taken_by_others_and_held_again():
    forks = asyncio.Semaphore(1)

    async def other():
        with Fork(forks) as fork:
            await fork.take()
            await asyncio.sleep(5)

    async with asyncio.TaskGroup() as group:
        with Fork(forks) as fork:
            await fork.take()
            group.create_task(other())
            async with fork.aside():
                await asyncio.sleep(1)
            assert asyncio.get_running_loop().time() == pytest.approx(5)
            assert forks.locked()
    assert forks._value == 1


@pytest.mark.parametrize("when", [0.5, 2])
async def test_who_gives_up_while_it_is_lent_gives_nothing_back_twice(when):
    forks = asyncio.Semaphore(1)

    async def other():
        with Fork(forks) as fork:
            await fork.take()
            await asyncio.sleep(5)

    async def impatient(group):
        async with asyncio.timeout(when):
            with Fork(forks) as fork:
                await fork.take()
                group.create_task(other())
                async with fork.aside():
                    await asyncio.sleep(1)  # and then another one has it

    async with asyncio.TaskGroup() as group:
        with pytest.raises(TimeoutError):
            await impatient(group)
    assert forks._value == 1


async def test_a_waiting_that_fails_is_told():
    forks = asyncio.Semaphore(1)

    async def fails():
        with Fork(forks) as fork:
            await fork.take()
            async with fork.aside():
                raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await fails()
    assert forks._value == 1
