"""`kuttab delete`: delete Experiments with everything of them, or single Trials; waits as `kubectl delete` does."""

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.names import complete_kinds, complete_resources
from local_runner.cli.options import DEFAULT_NAMESPACE, directory_option, namespace_option

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.store.reader import SQLReader


@click.command()
@click.argument("kind", shell_complete=complete_kinds)
@click.argument("names", nargs=-1, shell_complete=complete_resources)
@namespace_option
@click.option("--ignore-not-found", "is_lenient", is_flag=True, help="What is not there is no error.")
@directory_option
def command(
    *, kind: str, names: tuple[str, ...], namespace: str | None, is_lenient: bool, directory: Path | None
) -> None:
    """Delete experiments or trials: Workers are stopped; of an experiment Trials, metrics and logs go.

    A trial is hidden and counts as Killed if it had not ended: its number is never used again.
    """
    import asyncio

    from local_runner.cli.errors import AbsentError, CommandError
    from local_runner.cli.kinds import Kind, split_target
    from local_runner.cli.opening import load_settings

    found_kind, wanted = split_target(kind, names)
    if found_kind == Kind.SUGGESTIONS:
        message = f"error: {found_kind} cannot be deleted by themselves; use: kuttab delete experiment NAME"
        raise CommandError(message)
    if not wanted:
        raise click.UsageError(f"name the {found_kind} to delete")
    delete = _delete_trial if found_kind == Kind.TRIALS else _delete_experiment
    for name in wanted:
        with suppress(AbsentError) if is_lenient else nullcontext():
            asyncio.run(delete(load_settings(directory), namespace or DEFAULT_NAMESPACE, name))


async def _delete_trial(settings: "Settings", namespace: str, name: str) -> None:
    from events.trial import TrialDeleteRequested
    from local_runner.cli.acting import act, find_trial

    experiment, trial = await find_trial(settings, namespace, name)

    async def is_done(reader: "SQLReader") -> bool:
        now = await reader.trial_of_number(trial.experiment_uid, trial.number)
        return now is None or (now.is_hidden and not now.is_active)

    event = TrialDeleteRequested(experiment=experiment.ref, trial=trial.ref, attempt=trial.attempt)
    await act(settings, event, is_done)
    click.echo(f'trial.kubeflow.org "{name}" deleted')


async def _delete_experiment(settings: "Settings", namespace: str, name: str) -> None:
    from events.experiment import ExperimentDeleteRequested
    from local_runner.cli.acting import act, find_experiment

    experiment = await find_experiment(settings, namespace, name)

    async def is_done(reader: "SQLReader") -> bool:
        return await reader.experiment_of_uid(experiment.uid) is None

    await act(settings, ExperimentDeleteRequested(experiment=experiment.ref), is_done)
    click.echo(f'experiment.kubeflow.org "{name}" deleted')
