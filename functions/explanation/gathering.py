"""Gather what an explanation looks at, for the command and for the API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from functions.experiment.model import Experiment
from functions.explanation.facts import Facts, SeenHost
from functions.limits import Limits
from functions.suggestion.model import Suggestion
from functions.trial.model import ACTIVE, Trial, TrialState

_ENDED_COUNT = 20


class Reader(Protocol):
    """What is read of the store."""

    async def suggestion(self, experiment_uid: str) -> Suggestion | None:
        """Return the Experiment's search."""
        ...

    async def trials(self, experiment_uid: str, *, states: Sequence[TrialState]) -> Sequence[Trial]:
        """Return a page of the Trials in these states."""
        ...

    async def last_ended(self, experiment_uid: str, limit: int) -> Sequence[Trial]:
        """Return the Trials that ended last, newest first."""
        ...

    async def hosts(self) -> Sequence[SeenHost]:
        """Return every host with its last heartbeat."""
        ...


async def gather_facts(
    experiment: Experiment, reader: Reader, *, now: datetime, limits: Limits, trouble: str = ""
) -> Facts:
    """Read what is known of an Experiment."""
    return Facts(
        experiment=experiment,
        now=now,
        suggestion=await reader.suggestion(experiment.uid),
        active=await reader.trials(experiment.uid, states=tuple(ACTIVE)),
        ended=await reader.last_ended(experiment.uid, _ENDED_COUNT),
        hosts=await reader.hosts(),
        limits=limits,
        trouble=trouble,
    )
