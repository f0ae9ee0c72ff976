"""Names must be free: say what to do about one that is taken, or delete the Experiment that has it."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from events.experiment import ExperimentDeleteRequested
from events.reference import ExperimentRef
from functions.errors import KuttabError
from functions.experiment.model import Experiment
from infra.store.reader import SQLReader
from local_runner.view.table import render_age
from local_runner.view.words import command_for

if TYPE_CHECKING:
    from local_runner.embedded import EmbeddedRunner

_POLL_SECONDS = 0.05
_GONE_SECONDS = 60.0
"""How long a deletion may take: Workers get their grace, and the rows go in pages."""


class NameTakenError(KuttabError):
    """An Experiment of this name is there already: the message says how to go on."""


class NotGoneError(KuttabError):
    """A deletion has not come to its end: `kuttab resume` goes on with it."""


async def make_room(runner: "EmbeddedRunner", ref: ExperimentRef, *, is_replacing: bool) -> None:
    """Return when the name is free. Raises NameTakenError."""
    if not is_replacing:
        await require_free_name(runner.reader, ref, can_replace=True)
    elif (old := await runner.reader.experiment(ref.namespace, ref.name)) is not None:
        await _delete_and_wait(runner, old)


async def require_free_name(reader: SQLReader, ref: ExperimentRef, *, can_replace: bool) -> None:
    """Raise NameTakenError where an Experiment has the name."""
    old = await reader.experiment(ref.namespace, ref.name)
    if old is not None:
        raise NameTakenError(_explain(old, can_replace=can_replace))


async def _delete_and_wait(runner: "EmbeddedRunner", experiment: Experiment) -> None:
    """Delete the Experiment and return when its Workers and rows are gone. Raises NotGoneError."""
    await runner.publish([ExperimentDeleteRequested(experiment=experiment.ref)])
    try:
        async with asyncio.timeout(_GONE_SECONDS):
            while await runner.reader.experiment_of_uid(experiment.uid) is not None:  # noqa: ASYNC110 - another program may delete
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        raise NotGoneError(f"{experiment.name} is not gone after {_GONE_SECONDS:g} s") from error


def _explain(old: Experiment, *, can_replace: bool) -> str:
    age = render_age(old.completed_at or old.created_at, datetime.now(UTC))
    state = f"{old.phase}, {age} ago" if old.is_completed else "it has not ended"
    ways = [] if old.is_completed else [f"to go on with it: {command_for('resume', old)}"]
    ways += ["to run it anew: add --replace"] if can_replace else []
    ways.append(f"to remove it: {command_for('delete experiment', old)}")
    return f'experiments.kubeflow.org "{old.name}" already exists ({state}); ' + "; ".join(ways)
