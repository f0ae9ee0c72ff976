"""`kuttab stop`: end an Experiment now."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.names import complete_experiments
from local_runner.cli.options import DEFAULT_NAMESPACE, directory_option, namespace_option

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.store.reader import SQLReader


@click.command()
@click.argument("kind", metavar="experiment")
@click.argument("name", required=False, shell_complete=complete_experiments)
@namespace_option
@directory_option
def command(*, kind: str, name: str | None, namespace: str | None, directory: Path | None) -> None:
    """End the experiment NAME now; its Workers are stopped, its results are kept."""
    import asyncio

    from local_runner.cli.kinds import one_experiment
    from local_runner.cli.opening import load_settings

    asyncio.run(_stop(load_settings(directory), namespace or DEFAULT_NAMESPACE, one_experiment(kind, name)))


async def _stop(settings: "Settings", namespace: str, name: str) -> None:
    from events.experiment import ExperimentStopRequested
    from local_runner.cli.acting import act, find_experiment

    experiment = await find_experiment(settings, namespace, name)
    if experiment.is_completed and not experiment.active_count:
        click.echo(f"experiment.kubeflow.org/{name} has ended already")
        return

    async def is_done(reader: "SQLReader") -> bool:
        now = await reader.experiment_of_uid(experiment.uid)
        return now is None or (now.is_completed and not now.active_count)

    await act(settings, ExperimentStopRequested(experiment=experiment.ref), is_done)
    click.echo(f"experiment.kubeflow.org/{name} stopped")
