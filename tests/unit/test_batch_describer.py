"""Looks of the same moment share calls, and their fate."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from functions.errors import Retry
from infra.target.batch_describer import Describer
from infra.target.batch_job import Json

AT = datetime(2026, 3, 1, tzinfo=UTC)


async def test_two_hundred_and_fifty_looks_are_three_calls() -> None:
    sizes: list[int] = []

    async def fetch(ids: Sequence[str]) -> tuple[Sequence[Json], datetime]:
        sizes.append(len(ids))
        return [{"jobId": job_id} for job_id in ids if job_id != "7"], AT

    describer = Describer(fetch)
    found = await asyncio.gather(*(describer.find(str(number)) for number in [*range(250), 5]))

    assert sorted(sizes) == [50, 100, 100]
    assert found[7] == (None, AT)
    assert found[5] == found[250] == ({"jobId": "5"}, AT)


async def test_every_look_learns_that_the_call_failed_and_the_next_calls_anew() -> None:
    answers: list[Exception | list[Json]] = [Retry("throttled"), [{"jobId": "a"}]]

    async def fetch(ids: Sequence[str]) -> tuple[Sequence[Json], datetime]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer, AT

    describer = Describer(fetch)
    failed = await asyncio.gather(*(describer.find(job_id) for job_id in "ab"), return_exceptions=True)

    assert [type(error) for error in failed] == [Retry, Retry]
    assert await describer.find("a") == ({"jobId": "a"}, AT)


async def test_a_look_that_is_given_up_does_not_disturb_the_others() -> None:
    gate = asyncio.Event()

    async def fetch(ids: Sequence[str]) -> tuple[Sequence[Json], datetime]:
        await gate.wait()
        return [{"jobId": job_id} for job_id in ids], AT

    describer = Describer(fetch)
    first, second = (asyncio.create_task(describer.find("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()

    assert await second == ({"jobId": "a"}, AT)
    with pytest.raises(asyncio.CancelledError):
        await first
