"""Say something to the runner of a directory: through its inbox, or by being the runner for a moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import click

from events.client.publisher import PublishError, publish
from events.envelope import Event
from functions.errors import KuttabError
from functions.experiment.model import Experiment
from functions.trial.model import Trial
from infra.broker.inbox import Inbox
from infra.settings import Settings
from infra.store.reader import SQLReader
from local_runner.cli.errors import not_found
from local_runner.cli.opening import open_reader, open_runner
from local_runner.directory import is_busy

WAIT_SECONDS = 60.0
"""How long a command waits for what it asked for: Workers get their grace, and rows go in pages."""
_POLL_SECONDS = 0.05

IsDone = Callable[[SQLReader], Awaitable[bool]]


class NotDoneError(KuttabError):
    """What was asked for is under way and not done yet: nothing is lost, look again later."""


def leave_in_inbox(settings: Settings, event: Event) -> None:
    """Hand the event to the deployment's broker or to the runner here, and say so where none is at work."""
    try:
        if settings.broker:
            publish(settings.broker, event)
            return
        Inbox(settings.directory / "inbox").publish(event)
    except PublishError as error:
        raise KuttabError(str(error)) from error
    if not is_busy(settings.directory):
        click.echo(f"No runner is at work in {settings.directory}: `kuttab resume` will see to it.", err=True)


async def act(settings: Settings, event: Event, is_done: IsDone) -> None:
    """Hand the event over and return when it is done; where there is no runner, be one that starts no Worker."""
    if settings.broker or is_busy(settings.directory):
        leave_in_inbox(settings, event)
        async with open_reader(settings) as reader:
            await _wait(reader, is_done)
    else:
        async with open_runner(replace(settings, slots=0)) as runner:
            await runner.publish([event])
            await _wait(runner.reader, is_done)


async def _wait(reader: SQLReader, is_done: IsDone) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not await is_done(reader):
        if time.monotonic() > until:
            raise NotDoneError(f"not done after {WAIT_SECONDS:g} s; it goes on while a runner is at work")
        await asyncio.sleep(_POLL_SECONDS)


async def find_experiment(settings: Settings, namespace: str, name: str) -> Experiment:
    """Return the Experiment. Raises kubectl's NotFound."""
    async with open_reader(settings) as reader:
        experiment = await reader.experiment(namespace, name)
    if experiment is None:
        raise not_found("experiments", name)
    return experiment


async def find_trial(settings: Settings, namespace: str, name: str) -> tuple[Experiment, Trial]:
    """Return the Trial and its Experiment. Raises kubectl's NotFound."""
    async with open_reader(settings) as reader:
        trial = await reader.trial(namespace, name)
        experiment = await reader.experiment_of_uid(trial.experiment_uid) if trial else None
    if trial is None or experiment is None:
        raise not_found("trials", name)
    return experiment, trial
