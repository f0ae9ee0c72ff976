"""Watch Experiments in the foreground until they end or somebody interrupts."""

import asyncio
import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from functions.errors import KuttabError
from functions.experiment.model import Experiment
from functions.experiment.reasons import Phase
from local_runner.cli.errors import ExitStatus
from local_runner.cli.interrupts import Interrupts
from local_runner.view.look import Follower, Look, Reader
from local_runner.view.view import View
from local_runner.view.words import command_for

LOOK_SECONDS = 0.25
"""Between two looks: quick for the eye, and some milliseconds of work."""
SECOND_THOUGHT_SECONDS = 3.0
"""How long the first Ctrl-C waits for a second one."""


class Runner(Protocol):
    """What a watch needs of the embedded runner."""

    @property
    def reader(self) -> Reader:
        """Reads the runner's database."""
        ...

    async def stop_workers(self, uid: str) -> None:
        """End the Experiment and return when its Workers are gone."""
        ...


@dataclass(slots=True)
class Watch:
    """One foreground watch."""

    runner: Runner
    view: View
    uids: Sequence[str]
    looks: list[Look] = field(default_factory=list)
    """The last look at each."""

    async def run(self) -> ExitStatus:
        """Return how it ended; Workers that still run live on."""
        try:
            with Interrupts() as interrupts:
                status = await self._watch(interrupts)
                self.view.end(self.looks)
                if status == ExitStatus.INTERRUPTED:
                    self._say_farewell()
                return status
        finally:
            self.view.close()

    async def _watch(self, interrupts: Interrupts) -> ExitStatus:
        followers = [Follower(self.runner.reader, uid) for uid in self.uids]
        if await self._look_until(interrupts.first, followers):
            return self._status()
        if interrupts.ended.is_set():
            return ExitStatus.INTERRUPTED
        self.view.say(f"Detaching in {SECOND_THOUGHT_SECONDS:g} s; press Ctrl-C again to stop the Workers as well.")
        if await self._look_until(interrupts.second, followers, seconds=SECOND_THOUGHT_SECONDS):
            return self._status()
        if interrupts.second.is_set() and not interrupts.ended.is_set():
            await self._stop(followers)
        return ExitStatus.INTERRUPTED

    async def _look_until(
        self, signal: asyncio.Event, followers: Sequence[Follower], *, seconds: float = math.inf
    ) -> bool:
        """Look again and again; tell whether all have ended before the signal came or the time was over."""
        until = time.monotonic() + seconds
        while not signal.is_set() and time.monotonic() < until:
            await self._look(followers)
            if len(self.looks) == len(self.uids) and all(look.is_over for look in self.looks):
                return True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await signal.wait()
        return False

    async def _look(self, followers: Sequence[Follower]) -> None:
        found = [await follower.look() for follower in followers]
        self.looks = [look for look in found if look is not None]
        if self.looks:
            self.view.show(self.looks)

    async def _stop(self, followers: Sequence[Follower]) -> None:
        self.view.say("Stopping the Workers.")
        open_uids = [it.experiment.uid for it in self.looks if not it.is_over]
        for answer in await asyncio.gather(*map(self.runner.stop_workers, open_uids), return_exceptions=True):
            if isinstance(answer, KuttabError):
                self.view.say(f"error: {answer}")
            elif answer is not None:
                raise answer
        await self._look(followers)

    def _status(self) -> ExitStatus:
        is_good = all(it.experiment.phase == Phase.SUCCEEDED and not it.experiment.deleted_at for it in self.looks)
        return ExitStatus.SUCCEEDED if is_good else ExitStatus.FAILED

    def _say_farewell(self) -> None:
        for look in self.looks:
            if not look.is_over:
                self.view.say(f"Detached: {_alive(look.experiment)}. Go on: {command_for('resume', look.experiment)}")


def _alive(experiment: Experiment) -> str:
    count = experiment.active_count
    return f"{count} Trial{'s' if count != 1 else ''} of {experiment.name} live{'' if count != 1 else 's'} on"
