"""`kuttab scale`: change an Experiment's budget; a larger one may start a finished Experiment again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from local_runner.cli.names import complete_experiments
from local_runner.cli.options import DEFAULT_NAMESPACE, directory_option, namespace_option

if TYPE_CHECKING:
    from events.experiment import Budget
    from functions.experiment.model import Experiment


@click.command()
@click.argument("kind", metavar="experiment")
@click.argument("name", required=False, shell_complete=complete_experiments)
@click.option("--max-trials", type=click.IntRange(1), metavar="N", help="maxTrialCount.")
@click.option("--parallel", type=click.IntRange(1), metavar="N", help="parallelTrialCount.")
@click.option("--max-failed", type=click.IntRange(0), metavar="N", help="maxFailedTrialCount.")
@namespace_option
@directory_option
def command(
    *,
    kind: str,
    name: str | None,
    max_trials: int | None,
    parallel: int | None,
    max_failed: int | None,
    namespace: str | None,
    directory: Path | None,
) -> None:
    """Change the budget of the experiment NAME; what is not given stays as it is."""
    import asyncio

    from events.experiment import ExperimentEdited
    from local_runner.cli.acting import find_experiment, leave_in_inbox
    from local_runner.cli.kinds import one_experiment
    from local_runner.cli.opening import load_settings

    name = one_experiment(kind, name)
    given = {"max_trial_count": max_trials, "parallel_trial_count": parallel, "max_failed_trial_count": max_failed}
    changes = {field: count for field, count in given.items() if count is not None}
    if not changes:
        raise click.UsageError("give --max-trials, --parallel or --max-failed")
    settings = load_settings(directory)
    experiment = asyncio.run(find_experiment(settings, namespace or DEFAULT_NAMESPACE, name))
    leave_in_inbox(settings, ExperimentEdited(experiment=experiment.ref, budget=_budget(experiment, changes)))
    click.echo(f"experiment.kubeflow.org/{name} scaled")


def _budget(experiment: "Experiment", changes: dict[str, int]) -> "Budget":
    """Return the complete budget. Raises CommandError where it may not be so, or where it is too late."""
    from events.experiment import Budget
    from functions.experiment.update_rules import validate_update
    from local_runner.cli.errors import CommandError

    spec = experiment.spec
    budget = Budget(
        parallel_trial_count=experiment.parallel_trial_count,
        max_trial_count=spec.max_trial_count,
        max_failed_trial_count=spec.max_failed_trial_count,
    ).replace(**changes)
    problems = list(validate_update(experiment, spec.replace(**dict(budget))))
    if problems:
        raise CommandError("\n".join(f"error: experiment {experiment.name}: {path}: {text}" for path, text in problems))
    return budget
