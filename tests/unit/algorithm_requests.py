"""Builders for the tests of the search: parameters, spaces, specs and requests."""

from collections.abc import Mapping, Sequence

from events.experiment import ExperimentSpec
from events.objective import ObjectiveType
from events.reference import ExperimentRef
from events.resource import Manifest, Setting
from events.search_space import FeasibleSpace, ParameterSpec, ParameterType
from events.suggestion import Algorithm
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.history import History
from functions.suggestion.search_space import Row, SearchSpace


def a_parameter(name: str, kind: str, **feasible_space: object) -> ParameterSpec:
    space = FeasibleSpace.model_validate(feasible_space)
    return ParameterSpec(name=name, parameter_type=ParameterType(kind), feasible_space=space)


MIXED = (
    a_parameter("z", "double", min=-1, max=1),
    a_parameter("rate", "double", min="1e-5", max="0.1", distribution="logUniform"),
    a_parameter("layers", "int", min=1, max=9),
    a_parameter("units", "int", min=1, max=900, distribution="logUniform"),
    a_parameter("decay", "double", min=0, max=1, step="0.25"),
    a_parameter("stride", "int", min=1, max=10, step=4),
    a_parameter("optimizer", "categorical", list=["sgd", "adam", "ftrl"]),
    a_parameter("fixed", "int", min=3, max=3),
    a_parameter("batch", "discrete", list=["32", "64", "128"]),
)

FINITE = (
    a_parameter("layers", "int", min=1, max=4),
    a_parameter("decay", "double", min=0, max="0.3", step="0.1"),
    a_parameter("optimizer", "categorical", list=["sgd", "adam"]),
)
"""4 x 4 x 2 = 32 points."""


def a_space(*parameters: ParameterSpec) -> SearchSpace:
    return SearchSpace.from_spec(parameters or MIXED)


def a_history(
    rows: Sequence[Row], losses: Sequence[float], width: int, numbers: Sequence[int] | None = None
) -> History:
    return History.empty(width).extend(rows, losses, len(losses), numbers=numbers)


def a_request(
    space: SearchSpace,
    *,
    finished: Sequence[tuple[Row, float]] = (),
    pending: Sequence[Row] = (),
    count: int = 1,
    seed: int = 7,
    settings: Mapping[str, str] | None = None,
    state: Manifest | None = None,
    numbers: Sequence[int] | None = None,
    experiment: ExperimentRef | None = None,
    **spec: object,
) -> Request:
    return Request(
        space=space,
        objective_type=ObjectiveType.MINIMIZE,
        settings=settings or {},
        history=a_history([row for row, _ in finished], [loss for _, loss in finished], len(space.axes), numbers),
        pending=pending,
        count=count,
        seed=seed,
        first_number=len(finished) + len(pending) + 1,
        max_trial_count=None,
        state=state,
        pending_numbers=range(len(finished) + 1, len(finished) + len(pending) + 1),
        experiment=experiment,
        spec=ExperimentSpec.model_validate(spec),
    )


def a_spec(
    algorithm: str, *parameters: ParameterSpec, max_trial_count: int | None = None, **settings: str
) -> ExperimentSpec:
    pairs = tuple(Setting(name=name, value=value) for name, value in settings.items())
    return ExperimentSpec(
        algorithm=Algorithm(algorithm_name=algorithm, algorithm_settings=pairs),
        parameters=parameters or FINITE,
        max_trial_count=max_trial_count,
    )
