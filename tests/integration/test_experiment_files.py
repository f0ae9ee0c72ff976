"""Experiment files that use one feature each, from the file to their end: what they did, and how they say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from functions.experiment.model import Experiment
from functions.experiment.optimum import sorted_front
from functions.trial.model import Trial, TrialState
from infra.settings import Settings
from local_runner.checking import check
from local_runner.documents import load_documents
from tests.integration.embedded_rig import a_shell_experiment, quick_settings, run

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parents[1] / "data" / "experiments"


@dataclass(frozen=True)
class Ending:
    """A file that has run to its end."""

    experiment: Experiment
    trials: Sequence[Trial]
    settings: Settings

    @property
    def reason(self) -> str:
        """Return the reason of the last condition."""
        return self.experiment.conditions[-1].reason

    def logs(self) -> list[str]:
        """Return what the Workers printed, by the numbers of their Trials."""
        return [
            (self.settings.directory / "workers" / f"{trial.uid}-{trial.attempt}" / "log").read_text()
            for trial in self.trials
        ]


async def run_file(name: str, tmp_path: Path) -> Ending:
    settings = quick_settings(tmp_path)
    (submission,) = check(load_documents(str(FOLDER / f"{name}.yaml")), namespace=None, target=None)
    ((experiment, trials),) = await run(settings, submission.event)
    return Ending(experiment, sorted(trials, key=lambda trial: trial.number), settings)


async def test_every_field_is_obeyed(tmp_path: Path) -> None:
    ending = await run_file("every_field", tmp_path)

    assert ending.reason == "ExperimentGoalReached"
    assert [condition.type for condition in ending.experiment.conditions] == ["Created", "Running", "Succeeded"]
    assert ending.experiment.optimal is not None
    observed = [(it.name, it.min, it.max, it.latest) for it in ending.experiment.optimal.observation.metrics]
    assert observed == [("f1", "0.5", "0.5", "0.5"), *((name, *["unavailable"] * 3) for name in ("loss", "seconds"))]
    trial, log = ending.trials[0], ending.logs()[0].splitlines()
    values = {assignment.name: assignment.value for assignment in trial.assignments}
    assert f"DROPOUT={values['dropout']}" in log
    assert f"OPTIMIZER={values['optimizer']}" in log
    assert f"ABOUT={trial.name} scribes Job batch/v1 training of the template" in log
    assert values["width"] in {"-3", "1", "5", "9"}


async def test_the_smallest_file_runs(tmp_path: Path) -> None:
    ending = await run_file("smallest", tmp_path)

    assert (ending.reason, ending.experiment.succeeded) == ("ExperimentMaxTrialsReached", 1)


async def test_quotes_are_the_templates_and_values_are_data(tmp_path: Path) -> None:
    ending = await run_file("quotes", tmp_path)

    assert ending.experiment.succeeded == 2
    assert all('--word=it\'s "one" $HOME; word\n' in log for log in ending.logs())


async def test_a_template_of_a_config_map_runs(tmp_path: Path) -> None:
    ending = await run_file("config_map", tmp_path)

    assert ending.experiment.succeeded == 3
    assert sorted(ending.logs()) == ["loss=0.0\n", "loss=0.5\n", "loss=1.0\n"]


async def test_a_search_that_ends_ends_its_experiment(tmp_path: Path) -> None:
    ending = await run_file("end_of_the_search", tmp_path)

    last = ending.experiment.conditions[-1]
    assert (last.type, last.reason) == ("Succeeded", "ExperimentSuggestionEndReached")
    assert last.message == "Experiment has succeeded because suggestion service has reached the end"
    assert (ending.experiment.created_count, ending.experiment.optimal_value) == (4, 25.0)


async def test_of_texts_the_latest_is_optimal(tmp_path: Path) -> None:
    ending = await run_file("text_objective", tmp_path)

    optimal = ending.experiment.optimal
    assert optimal is not None
    assert optimal.best_trial_name == max(ending.trials, key=lambda trial: trial.seq or 0).name
    (metric,) = optimal.observation.metrics
    assert (metric.min, metric.max) == ("unavailable", "unavailable")
    assert metric.latest.startswith("Cell(x=")


async def test_what_is_no_number_is_never_optimal(tmp_path: Path) -> None:
    ending = await run_file("unavailable", tmp_path)

    counts = (ending.experiment.succeeded, ending.experiment.metrics_unavailable)
    assert (ending.reason, counts) == ("ExperimentMaxTrialsReached", (1, 2))
    assert ending.experiment.optimal_value == 0.5


async def test_what_is_inactive_is_left_out_and_no_combination_is_tried_twice(tmp_path: Path) -> None:
    ending = await run_file("conditional", tmp_path)

    assert ending.reason == "ExperimentSuggestionEndReached"
    assert sorted(ending.logs()) == [
        "loss=-1 of adam, nesterov ''\n",
        "loss=0.0 of sgd, nesterov ''\n",
        "loss=0.5 of sgd, nesterov '0'\n",
        "loss=0.5 of sgd, nesterov '1'\n",
    ]
    given = [{assignment.name: assignment.value for assignment in trial.assignments} for trial in ending.trials]
    assert {"optimizer": "adam"} in given
    assert {"optimizer": "sgd", "momentum": "0.0"} in given


async def test_only_points_that_meet_the_constraints_are_tried(tmp_path: Path) -> None:
    ending = await run_file("constrained", tmp_path)

    assert ending.reason == "ExperimentSuggestionEndReached"
    assert sorted(ending.logs()) == ["loss=11\n", "loss=12\n", "loss=21\n"]


@pytest.mark.timeout(55)
async def test_a_worker_that_does_poorly_is_stopped_and_its_trial_keeps_its_result(tmp_path: Path) -> None:
    ending = await run_file("early_stopping", tmp_path)

    states = {trial.value: (trial.state, trial.message) for trial in ending.trials}
    why = "Trial is early stopped: loss 1.0 at report 1 is greater than 0.5"
    assert states == {0.0: (TrialState.SUCCEEDED, ""), 1.0: (TrialState.EARLY_STOPPED, why)}


async def test_several_objectives_give_a_front_of_what_meets_the_constraints(tmp_path: Path) -> None:
    ending = await run_file("objectives", tmp_path)

    experiment = ending.experiment
    front = [[metric.latest for metric in member.observation.metrics] for member in sorted_front(experiment)]
    assert front == [["10", "1", "1"], ["20", "2", "2"], ["30", "3", "3"]]
    assert (experiment.succeeded, experiment.feasible_count, experiment.optimal_value) == (8, 6, 10.0)
    assert experiment.optimal is not None
    assert experiment.optimal.best_trial_name == sorted_front(experiment)[0].trial_name


async def test_seeds_are_run_first_and_known_results_are_not_run(tmp_path: Path) -> None:
    ending = await run_file("seeds", tmp_path)

    assert ending.logs()[:2] == ["loss=42\n", "loss=43\n"]
    assert (ending.experiment.created_count, ending.experiment.succeeded) == (3, 3)


async def test_an_experiment_begins_from_an_earlier_one(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path)
    earlier = a_shell_experiment("echo loss=$1", name="earlier", trials=2)
    later = a_shell_experiment("echo loss=$1", name="later", trials=2, warmStartFrom=["earlier"])

    await run(settings, earlier)
    ((experiment, trials),) = await run(settings, later)

    assert (experiment.error, len(trials)) == ("", 2)
    assert [(source.name, source.seq) for source in experiment.warm_sources] == [("earlier", 2)]
