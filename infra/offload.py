"""Where heavy work runs: in place (Lambda, simulation) or off the event loop (the runner)."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def run_in_place(work: Callable[[], T]) -> T:
    """Run the work here: a Lambda sandbox has nothing else to do meanwhile."""
    return work()


async def run_in_thread(work: Callable[[], T]) -> T:
    """Run the work in a thread: numpy lets go of the lock, and events go on being handled."""
    return await asyncio.to_thread(work)
