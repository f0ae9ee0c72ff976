"""Several objectives and constraints on metrics: what is refused, what is the best, and how the search sees them."""

import math
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna._hypervolume import compute_hypervolume

from events.observation import MetricPoint
from events.search_space import ParameterAssignment
from functions.experiment.admission import read_experiment
from functions.experiment.measuring import Measures
from functions.experiment.model import Experiment
from functions.experiment.optimum import MAX_FRONT, sorted_front
from functions.experiment.reasons import Phase
from functions.experiment.view import to_resource
from functions.observation.fold import Fold
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.drawing import draw_row
from functions.suggestion.algorithms.fronts import penalise, score
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.history import History
from functions.suggestion.search_space import Row
from functions.suggestion.searching import scored
from functions.trial.model import Trial, TrialState
from functions.trial.view import to_resource as to_trial_resource
from tests.builders import EPOCH, a_trial, an_experiment, an_experiment_manifest
from tests.unit.algorithm_requests import a_parameter, a_request, a_space

BOTH = [
    {"type": "minimize", "objectiveMetricName": "loss"},
    {"type": "maximize", "objectiveMetricName": "speed"},
]
SEVERAL = ["random", "sobol", "tpe", "multivariate-tpe", "nsgaii", "nsgaiii", "auto"]


def an_experiment_of_both(**spec: Any) -> Experiment:
    return an_experiment(objective=None, objectives=BOTH, maxTrialCount=1_000, **spec)


def finish(experiment: Experiment, number: int, **metrics: float) -> Trial:
    points = [MetricPoint(position=i, name=name, value=str(value)) for i, (name, value) in enumerate(metrics.items())]
    given = (ParameterAssignment(name="x", value="0.5"),)
    trial = a_trial(experiment, number, fold=Fold().add(points), assignments=given)
    experiment.count_created(1)
    experiment.finish_trial(trial, TrialState.SUCCEEDED, at=EPOCH)
    return trial


def test_the_first_objective_is_katibs_and_all_metrics_are_collected() -> None:
    spec = an_experiment_of_both(constraints=[{"metric": "size", "max": 3}]).spec

    assert spec.objective is not None
    assert spec.objective.metric_names == ("loss", "size", "speed")
    assert {it.name: it.value for it in spec.objective.metric_strategies} == {
        "loss": "min",
        "size": "latest",
        "speed": "max",
    }


def test_an_objective_that_is_given_keeps_what_it_says() -> None:
    strategies = [{"name": "speed", "value": "latest"}]
    objective = {**BOTH[0], "additionalMetricNames": ["speed"], "metricStrategies": strategies}

    spec = an_experiment(objective=objective, objectives=BOTH).spec

    assert spec.objective is not None
    assert spec.objective.additional_metric_names == ("speed",)
    assert spec.objective.strategy_of("speed") == "latest"
    assert spec.objective.strategy_of("loss") == "min"


def read(**spec: Any) -> list[str]:
    return [str(error) for error in read_experiment(an_experiment_manifest(**spec)).errors]


def test_everything_that_is_wrong_is_said() -> None:
    at = "spec.objectives"
    assert read(objectives=[*BOTH, {"type": "minimize", "additionalMetricNames": ["x"]}, BOTH[1]]) == [
        f"{at}[2].objectiveMetricName: must be specified",
        f"{at}[2].additionalMetricNames: belongs to spec.objective",
        f"{at}[3].objectiveMetricName: metric speed is an objective twice",
    ]
    assert read(objectives=BOTH[::-1]) == [
        f"{at}[0]: must be spec.objective: the same objectiveMetricName, type and goal, or leave that out"
    ]
    assert read(objectives=[]) == [f"{at}: must be from 1 to 10 objectives"]
    assert read(objectives=BOTH, earlyStopping={"algorithmName": "medianstop"}) == [
        "spec.earlyStopping: judges Trials by one objective, and there are several"
    ]
    assert read(objectives=BOTH, algorithm={"algorithmName": "bayesianoptimization"}) == [
        f"{at}: algorithm bayesianoptimization knows one objective: use nsgaii, nsgaiii, tpe or auto"
    ]
    at = "spec.constraints"
    assert read(constraints=[{"metric": "", "max": 1}, {"metric": "a"}, {"metric": "b", "min": 2, "max": 1}]) == [
        f"{at}[0].metric: must be specified",
        f"{at}[1]: min or max must be specified",
        f"{at}[2].min: must not be greater than max",
    ]


def test_what_breaks_a_constraint_is_never_optimal_and_reaches_no_goal() -> None:
    goal = {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.1}
    experiment = an_experiment(objective=goal, constraints=[{"metric": "size", "max": 3, "min": 1}], maxTrialCount=9)

    broken = [finish(experiment, 1, loss=0.0, size=4), finish(experiment, 2, loss=0.0, size=0)]
    blind = finish(experiment, 3, loss=0.0)
    assert (experiment.optimal, experiment.phase, experiment.stale_count) == (None, Phase.RUNNING, 3)
    good = finish(experiment, 4, loss=0.05, size=3)

    assert [Measures.unpack(trial.measures).violation for trial in [*broken, blind, good]] == [1, 1, math.inf, 0]
    assert experiment.optimal is not None
    assert experiment.optimal.best_trial_name == good.name
    assert experiment.phase == Phase.SUCCEEDED
    status = to_resource(experiment, {}).status
    assert status is not None
    assert status.trials_feasible == 1
    assert [to_trial_resource(trial, experiment).status.feasible for trial in (blind, good)] == [False, True]


POINTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)), max_size=40)


@given(POINTS)
def test_the_front_is_what_nobody_beats(points: list[tuple[int, int, int]]) -> None:
    experiment = an_experiment_of_both(constraints=[{"metric": "size", "max": 2}])
    for number, (loss, speed, size) in enumerate(points, start=1):
        finish(experiment, number, loss=loss, speed=speed, size=size)

    kept = {(loss, speed) for loss, speed, size in points if size <= 2}
    best = sorted(it for it in kept if not any(o != it and o[0] <= it[0] and o[1] >= it[1] for o in kept))
    front = [tuple(float(it.latest) for it in m.observation.metrics) for m in sorted_front(experiment)]
    assert [(loss, speed) for loss, _, speed in front] == best
    assert experiment.optimal_value == (best[0][0] if best else None)


def test_a_large_front_keeps_its_ends() -> None:
    experiment = an_experiment_of_both()
    for number in range(1, 301):
        finish(experiment, number, loss=number * 11 % 301, speed=number * 11 % 301)

    front = sorted_front(experiment)
    assert len(front) == MAX_FRONT
    assert [front[0].observation.metrics[0].latest, front[-1].observation.metrics[0].latest] == ["1", "300"]


def test_goals_are_reached_by_one_trial_that_meets_them_all() -> None:
    goals = [{**BOTH[0], "goal": 1}, {**BOTH[1], "goal": 5}]
    experiment = an_experiment(objective=None, objectives=goals, maxTrialCount=9)

    finish(experiment, 1, loss=0, speed=1)
    finish(experiment, 2, loss=5, speed=9)
    assert experiment.phase == Phase.RUNNING
    finish(experiment, 3, loss=1, speed=5)

    assert experiment.phase == Phase.SUCCEEDED


def test_measures_come_back_as_they_were() -> None:
    measures = Measures((1.5, -2.0), math.inf)

    assert Measures.unpack(measures.pack()) == measures
    assert Measures().pack() == b""
    assert Measures.unpack(b"") == Measures()


def test_losses_that_break_a_constraint_are_worse_the_further_they_are_off() -> None:
    losses = penalise(np.array([1.0, 0.0, 2.0, -5.0, 0.0]), np.array([0.0, 3.0, 0.0, 1.0, math.inf]))

    assert losses[[0, 2]].tolist() == [1.0, 2.0]
    assert 2.0 < losses[3] < losses[1] < losses[4]
    assert np.isfinite(penalise(np.array([1.0]), np.array([math.inf]))).all()


def a_history(rows: list[Row], losses: list[tuple[float, float]], violations: Any = 0.0) -> History:
    return History.empty(len(rows[0]), other_count=1).extend(
        rows, [it[0] for it in losses], len(rows), others=[[it[1]] for it in losses], violations=violations
    )


def test_one_number_orders_the_trials_of_several_objectives() -> None:
    losses = [(5.0, 5.0), (1.0, 4.0), (4.0, 1.0), (math.nan, 0.0), (0.0, 0.0)]

    scores = score(a_history([(0.0,)] * 5, losses, [0.0, 0.0, 0.0, 0.0, 1.0]))

    assert math.isnan(scores[3])
    assert min(scores[1], scores[2]) == 0.0  # one of four is good: one of the first front
    assert scores[4] > scores[0] > max(scores[1], scores[2])


def both(row: Row) -> tuple[float, float]:
    """Return ZDT1's objectives."""
    spread = 1 + 9 * sum(row[1:]) / (len(row) - 1)
    return row[0], spread * (1 - math.sqrt(row[0] / spread))


def covered(name: str, seed: int, trials: int = 200) -> float:
    """Return the volume that a search of 4 at a time covers."""
    space = a_space(*(a_parameter(f"x{i}", "double", min=0, max=1) for i in range(5)))
    history, state = History.empty(5, other_count=1), None
    for first in range(1, trials, 4):
        request = an_asked(a_request(space, count=4, seed=seed * 1000 + first, state=state), history, first)
        answer = get_algorithm(name).suggest(scored(request, name))
        rows = [it.row for it in answer.suggestions]
        state = answer.state_after(len(rows))
        losses = [both(row) for row in rows]
        history = history.extend(rows, [it[0] for it in losses], first + 3, others=[[it[1]] for it in losses])
    return float(compute_hypervolume(np.minimum(history.losses, 6.0), np.array([1.1, 6.0])))


def an_asked(request: Request, history: History, first: int) -> Request:
    spec = request.spec.replace(objectives=an_experiment_of_both().spec.objectives)
    return replace(request, history=history, first_number=first, max_trial_count=200, spec=spec)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["multivariate-tpe", "nsgaii", "nsgaiii"])
def test_several_objectives_are_searched_better_than_at_random(name: str) -> None:
    gains = [covered(name, seed) - covered("random", seed) for seed in (1, 2, 3)]

    assert min(gains) > 0


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("count", [0, 3, 60, 300])
def test_every_algorithm_for_several_objectives_answers_in_the_space_and_again_the_same(name: str, count: int) -> None:
    space, rng = a_space(), Random(1)
    rows = [draw_row(space, rng) for _ in range(count)]
    losses = [(rng.random(), rng.choice([rng.random(), math.nan, math.inf, -math.inf])) for _ in rows]
    violations = [rng.choice([0.0, 1.0, math.inf]) for _ in rows]
    history = History.empty(len(space.axes), other_count=1)
    history = a_history(rows, losses, violations) if rows else history
    request = scored(an_asked(a_request(space, count=3), history, count + 1), name)

    answer = get_algorithm(name).suggest(request)

    assert get_algorithm(name).suggest(request) == answer
    assert len(answer.suggestions) == 3
    for suggested in answer.suggestions:
        assert space.to_row(space.to_assignments(suggested.row)) == suggested.row
