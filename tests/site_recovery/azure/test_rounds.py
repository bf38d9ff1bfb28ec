"""Runs on one vault look together, and end their pauses together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from emulator.kernel.clock import Clock
from site_recovery.azure.rounds import Leads, Rounds
from site_recovery.errors import MigrationError
from site_recovery.snapshot import Snapshot
from tests.convergence import virtual_time

_T = TypeVar("_T")
LOOK_SECONDS = 2.0


def run(work: Coroutine[Any, Any, _T]) -> _T:
    return virtual_time.run(Clock(), work)


class Vault:
    """Each observation takes two seconds. It is known by the second in which it began."""

    def __init__(self) -> None:
        self.rounds = Rounds()
        self.begun: dict[int, float] = {}
        self.made: list[Snapshot] = []
        self.fails = False

    async def look(self, after: float = 0.0) -> float:
        """Look after so many seconds. Returns when the observation began that was seen."""
        await asyncio.sleep(after)
        return self.begun[id(await self.rounds.look(self._observe))]

    async def recent(self, after: float, *, good: bool) -> float:
        await asyncio.sleep(after)
        return self.begun[id(await self.rounds.recent(self._observe, lambda _: good))]

    async def _observe(self) -> Snapshot:
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(LOOK_SECONDS)
        if self.fails:
            raise MigrationError("Azure does not answer")
        made = Snapshot()
        self.begun[id(made)] = begun
        self.made.append(made)
        return made


async def together(*work: Coroutine[Any, Any, float]) -> list[float]:
    return list(await asyncio.gather(*work))


def test_those_who_ask_together_are_served_by_one_observation() -> None:
    vault = Vault()
    assert run(together(vault.look(), vault.look(), vault.look())) == [0, 0, 0]
    assert len(vault.begun) == 1


def test_an_observation_that_began_before_the_question_is_no_answer() -> None:
    vault = Vault()
    assert run(together(vault.look(), vault.look(1), vault.look(1.5))) == [0, 2, 2]
    assert len(vault.begun) == 2


def test_an_observation_that_fails_fails_those_who_waited_for_it_and_no_others() -> None:
    vault = Vault()

    async def both() -> tuple[float | BaseException, ...]:
        vault.fails = True
        first = asyncio.ensure_future(vault.look())
        second = asyncio.ensure_future(vault.look(1))
        await asyncio.wait([first])
        vault.fails = False
        return await asyncio.gather(first, second, return_exceptions=True)

    failed, answered = run(both())
    assert isinstance(failed, MigrationError)
    assert answered == 2


def test_a_run_that_is_cancelled_takes_no_answer_from_the_others() -> None:
    vault = Vault()

    async def both() -> float:
        first, second = asyncio.ensure_future(vault.look()), asyncio.ensure_future(vault.look())
        await asyncio.sleep(1)
        first.cancel()
        return await second

    assert run(both()) == 0


@pytest.mark.parametrize(
    ("after", "good", "seen"), [(4.0, True, 0), (4.0, False, 4.0), (8.0, True, 8.0)]
)
def test_what_is_a_few_seconds_old_serves_a_record_if_it_is_good(
    after: float, *, good: bool, seen: float
) -> None:
    vault = Vault()
    assert run(together(vault.look(), vault.recent(after, good=good))) == [0, seen]


async def sleep(seconds: float, _: Leads) -> None:
    await asyncio.sleep(seconds)


async def rest(rounds: Rounds, seconds: float, after: float = 0.0) -> float:
    """Pause for so many seconds. Returns when the pause ended."""
    await asyncio.sleep(after)
    await rounds.rest(seconds, sleep)
    return asyncio.get_running_loop().time()


def test_the_shortest_pause_ends_those_of_all_runs() -> None:
    rounds = Rounds()
    ended = run(together(rest(rounds, 60), rest(rounds, 3, after=5), rest(rounds, 30)))
    assert ended == [8, 8, 8]


def test_a_pause_that_begins_later_is_one_of_its_own() -> None:
    rounds = Rounds()
    assert run(together(rest(rounds, 10), rest(rounds, 10, after=11))) == [10, 21]


def test_one_pause_ends_first() -> None:
    rounds = Rounds()

    async def first(seconds: float) -> bool:
        found = []

        async def asks(seconds: float, leads: Leads) -> None:
            await asyncio.sleep(10)
            found.append(leads())
            # What it did meanwhile took a second, and its pause is as long as before.
            await asyncio.sleep(1)
            found.append(leads())
            await asyncio.sleep(seconds - 10)

        await rounds.rest(seconds, asks)
        assert found[0] == found[1]
        return found[0]

    async def asked() -> list[bool]:
        return list(await asyncio.gather(first(60), first(30)))

    assert run(asked()) == [False, True]


def test_what_a_pause_raises_reaches_its_own_run_only() -> None:
    rounds = Rounds()

    async def broken(_: float, __: Leads) -> None:
        raise MigrationError("killed")

    async def both() -> tuple[float | BaseException | None, ...]:
        return await asyncio.gather(
            rounds.rest(5, broken), rest(rounds, 60), return_exceptions=True
        )

    failed, ended = run(both())
    assert isinstance(failed, MigrationError)
    assert ended == 0
