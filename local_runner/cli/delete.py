"""`kuttab delete`: delete Experiments with everything of them, as `kubectl delete` waits for it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.names import complete_experiments
from local_runner.cli.options import DEFAULT_NAMESPACE, directory_option, namespace_option

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.store.reader import SQLReader


@click.command()
@click.argument("kind")
@click.argument("names", nargs=-1, shell_complete=complete_experiments)
@namespace_option
@click.option("--ignore-not-found", "is_lenient", is_flag=True, help="An Experiment that is not there is no error.")
@directory_option
def command(
    *, kind: str, names: tuple[str, ...], namespace: str | None, is_lenient: bool, directory: Path | None
) -> None:
    """Delete experiments: Workers are stopped, then Trials, metrics and logs go."""
    import asyncio

    from local_runner.cli.errors import CommandError
    from local_runner.cli.kinds import Kind, split_target
    from local_runner.cli.opening import load_settings

    found_kind, wanted = split_target(kind, names)
    if found_kind != Kind.EXPERIMENTS:
        message = f"error: {found_kind} cannot be deleted by themselves; use: kuttab delete experiment NAME"
        raise CommandError(message)
    if not wanted:
        raise click.UsageError("name the experiments to delete")
    for name in wanted:
        asyncio.run(_delete(load_settings(directory), namespace or DEFAULT_NAMESPACE, name, is_lenient=is_lenient))


async def _delete(settings: "Settings", namespace: str, name: str, *, is_lenient: bool) -> None:
    from events.experiment import ExperimentDeleteRequested
    from local_runner.cli.acting import act, find_experiment
    from local_runner.cli.errors import AbsentError

    try:
        experiment = await find_experiment(settings, namespace, name)
    except AbsentError:
        if is_lenient:
            return
        raise

    async def is_done(reader: "SQLReader") -> bool:
        return await reader.experiment_of_uid(experiment.uid) is None

    await act(settings, ExperimentDeleteRequested(experiment=experiment.ref), is_done)
    click.echo(f'experiment.kubeflow.org "{name}" deleted')
