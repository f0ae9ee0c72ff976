"""`kuttab describe`: an Experiment or a Trial in detail."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.names import complete_kinds, complete_resources
from local_runner.cli.options import DEFAULT_NAMESPACE, directory_option, namespace_option

if TYPE_CHECKING:
    from functions.experiment.model import Experiment
    from functions.trial.model import Trial
    from infra.settings import Settings
    from infra.store.reader import SQLReader


@click.command()
@click.argument("kind", shell_complete=complete_kinds)
@click.argument("names", nargs=-1, shell_complete=complete_resources)
@namespace_option
@directory_option
def command(*, kind: str, names: tuple[str, ...], namespace: str | None, directory: Path | None) -> None:
    """Show experiments or trials in detail: those named, or all of the namespace."""
    import asyncio

    from local_runner.cli.errors import CommandError
    from local_runner.cli.kinds import Kind, split_target
    from local_runner.cli.opening import load_settings

    found_kind, wanted = split_target(kind, names)
    if found_kind == Kind.SUGGESTIONS:
        raise CommandError("error: describe knows experiments and trials; use: kuttab get suggestion NAME -o yaml")
    describe = _describe_trials if found_kind == Kind.TRIALS else _describe_experiments
    pages = asyncio.run(describe(load_settings(directory), namespace or DEFAULT_NAMESPACE, wanted))
    click.echo("\n\n\n".join(pages) if pages else f"No resources found in {namespace or DEFAULT_NAMESPACE} namespace.")


async def _describe_experiments(settings: "Settings", namespace: str, names: Sequence[str]) -> list[str]:
    from local_runner.cli.errors import not_found
    from local_runner.cli.opening import open_reader
    from local_runner.view.describe import describe_experiment

    pages = []
    async with open_reader(settings) as reader:
        for name in names or [it.name for it in await reader.experiments(namespace)]:
            experiment = await reader.experiment(namespace, name)
            if experiment is None:
                raise not_found("experiments", name)
            suggestion = await reader.suggestion(experiment.uid)
            trials, note = await reader.all_trials(experiment.uid), suggestion.note if suggestion else ""
            pages.append("\n".join(describe_experiment(experiment, trials, note=note)))
    return pages


async def _describe_trials(settings: "Settings", namespace: str, names: Sequence[str]) -> list[str]:
    from local_runner.cli.errors import not_found
    from local_runner.cli.opening import open_reader

    pages = []
    async with open_reader(settings) as reader:
        for name in names or await _trial_names(reader, namespace):
            trial = await reader.trial(namespace, name)
            experiment = await reader.experiment_of_uid(trial.experiment_uid) if trial else None
            if trial is None or experiment is None:
                raise not_found("trials", name)
            pages.append(_page(settings, trial, experiment))
    return pages


async def _trial_names(reader: "SQLReader", namespace: str) -> list[str]:
    experiments = await reader.experiments(namespace)
    return [trial.name for experiment in experiments for trial in await reader.all_trials(experiment.uid)]


def _page(settings: "Settings", trial: "Trial", experiment: "Experiment") -> str:
    from events.trial import TargetKind
    from functions.trial.view import to_resource
    from local_runner.cli.logs import log_path
    from local_runner.view.describe import describe_trial

    is_here = trial.target == TargetKind.PROCESS
    log = str(log_path(settings, trial, trial.attempt)) if is_here else f"kuttab logs {trial.name}"
    return "\n".join(describe_trial(trial, experiment, to_resource(trial, experiment).status.conditions, log))
