"""`kuttab logs` of a Worker that runs elsewhere: its target's own log, read through the target's port."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from events.trial import TargetKind
from functions.errors import Retry
from functions.trial.render import render_worker
from infra.target.opening import close_targets, open_targets
from infra.target.worker_log import WorkerLog
from local_runner.cli.errors import AbsentError

if TYPE_CHECKING:
    from functions.trial.model import Trial
    from infra.settings import Settings
    from infra.store.reader import SQLReader

REMOTE = frozenset({TargetKind.KUBERNETES, TargetKind.BATCH})
FOLLOW_SECONDS = {TargetKind.KUBERNETES: 0.5, TargetKind.BATCH: 2.0}
"""Between two looks: a pod's log goes with its pod soon after its end, and CloudWatch counts an account's reads."""


@asynccontextmanager
async def open_log(settings: "Settings", reader: "SQLReader", trial: "Trial", attempt: int) -> AsyncIterator[WorkerLog]:
    """Open the log of this attempt. Raises AbsentError where there never was a Worker."""
    experiment = await reader.experiment_of_uid(trial.experiment_uid)
    if experiment is None:
        raise AbsentError(f"error: {trial.name} has no log: its Experiment was deleted")
    try:
        worker = render_worker(experiment, trial, attempt=attempt)
    except ValueError as error:
        raise AbsentError(f"error: {trial.name} has no log: spec.trialTemplate: {error}") from error
    targets = open_targets(settings)
    try:
        yield WorkerLog(targets[trial.target], worker)
    finally:
        await close_targets(targets)


async def print_whole(worker_log: WorkerLog, trial: "Trial", *, is_over: bool, tail: int) -> None:
    """Print what there is. Raises AbsentError where that is nothing, and there should be something."""
    count = await _print_new(worker_log, is_over=is_over, tail=tail)
    if not count and tail and (worker_log.problem or not worker_log.source):
        why = worker_log.problem or trial.message.partition("\n")[0] or "its Worker has not started yet (-f waits)"
        raise AbsentError(f"error: {trial.name} has no log: {why}")


async def follow(worker_log: WorkerLog, reader: "SQLReader", trial: "Trial", attempt: int, *, tail: int) -> None:
    """Print what comes until the attempt has ended; say so where the log was gone before its end was read.

    Raises Retry where even then the target could not be asked.
    """
    said = ""
    while True:
        now = await reader.trial(trial.namespace, trial.name)
        is_over = now is None or not now.is_active or now.attempt != attempt
        try:
            await _print_new(worker_log, is_over=is_over, tail=tail)
            tail, said = -1 if worker_log.source else tail, ""
        except Retry as error:
            if is_over:
                raise
            if str(error) != said:
                said = str(error)
                click.echo(f"{trial.name}: {said}", err=True)
        if is_over:
            break
        await asyncio.sleep(FOLLOW_SECONDS[trial.target])
    if worker_log.problem:
        click.echo(f"{trial.name}: {worker_log.problem}", err=True)


async def _print_new(worker_log: WorkerLog, *, is_over: bool, tail: int) -> int:
    """Print what is new, or its last lines; return how many lines there were."""
    kept: deque[str] = deque(maxlen=tail if tail >= 0 else None)
    count = 0
    async for line in worker_log.read_on(is_over=is_over):
        count += 1
        if tail < 0:
            click.echo(line)
        else:
            kept.append(line)
    for line in kept:
        click.echo(line)
    return count
