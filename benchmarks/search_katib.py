"""Katib's own suggestion services as peers of `benchmarks.search`, called in this process, from a checkout of it."""

import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from events.experiment import ExperimentSpec
from events.search_space import Distribution, ParameterSpec
from functions.suggestion.search_space import Row, SearchSpace

CHECKOUT = "KATIB_CHECKOUT"
"""The environment variable with the path of a checkout of kubeflow/katib."""

FOLDERS = (".", "pkg/apis/manager/v1beta1/python", "pkg/apis/manager/health/python")
"""What the images of the services have on their path."""

METRIC = "loss"


def has_checkout() -> bool:
    return (Path(os.environ.get(CHECKOUT, "-")) / "pkg/suggestion/v1beta1").is_dir()


class Katib:
    """A service that is asked as Katib asks it: each time with the Experiment and all Trials that have finished.

    It knows no conditions: what is inactive is noise to it.
    """

    def __init__(self, service: str, algorithm: str, space: SearchSpace, seed: int, spec: ExperimentSpec) -> None:
        self._name, (self._service, self._api) = service, load_service(service)
        self._space = space
        self._experiment = to_experiment(self._api, spec, algorithm, seed)
        self._asked: list[Any] = []
        self._finished: list[Any] = []

    def ask(self, count: int) -> list[Row]:
        created = len(self._asked)
        its = {"current_request_number": count, "total_request_number": created + count}
        request = self._api.GetSuggestionsRequest(experiment=self._experiment, trials=self._finished, **its)
        new = [it.assignments for it in self._service.GetSuggestions(request, None).parameter_assignments]
        self._asked += new
        return [self._to_row(it) for it in new]

    def _to_row(self, assignments: Any) -> Row:
        texts = {it.name: it.value for it in assignments}
        return self._space.snap(tuple(axis.to_value(texts[axis.name]) for axis in self._space.axes))

    def tell(self, number: int, loss: float) -> None:
        api = self._api
        metric = api.Metric(name=METRIC, value=repr(float(loss)))
        status = api.TrialStatus(condition=api.TrialStatus.SUCCEEDED, observation=api.Observation(metrics=[metric]))
        assignments = api.TrialSpec.ParameterAssignments(assignments=self._asked[number - 1])
        spec = api.TrialSpec(objective=self._experiment.spec.objective, parameter_assignments=assignments)
        self._finished.append(api.Trial(name=f"trial-{number}", spec=spec, status=status))

    def fill(self, rows: Sequence[Row], losses: Sequence[float]) -> None:
        if self._name == "optuna":
            raise NotImplementedError("this service takes only what it has suggested itself")
        for number, (row, loss) in enumerate(zip(rows, losses, strict=True), 1):
            texts = [(axis.name, axis.to_text(value)) for axis, value in zip(self._space.axes, row, strict=True)]
            self._asked.append([self._api.ParameterAssignment(name=name, value=value) for name, value in texts])
            self.tell(number, loss)


def load_service(name: str) -> tuple[Any, Any]:
    """Import a service from the checkout; return a new one and its messages."""
    root = Path(os.environ[CHECKOUT]).resolve()
    paths = [str(root / folder) for folder in FOLDERS]
    sys.path += [path for path in paths if path not in sys.path]
    logging.disable(logging.WARNING)  # the services turn all libraries' debugging on
    module = import_module(f"pkg.suggestion.v1beta1.{name}.service")
    return getattr(module, f"{name.capitalize()}Service")(), import_module("pkg.apis.manager.v1beta1.python.api_pb2")


def to_experiment(api: Any, spec: ExperimentSpec, algorithm: str, seed: int) -> Any:
    """Write the Experiment as Katib's controller does."""
    settings = [api.AlgorithmSetting(name="random_state", value=str(seed))]
    parameters = [to_parameter(api, it) for it in spec.parameters or ()]
    its = api.ExperimentSpec(
        parameter_specs=api.ExperimentSpec.ParameterSpecs(parameters=parameters),
        objective=api.ObjectiveSpec(type=api.MINIMIZE, objective_metric_name=METRIC),
        algorithm=api.AlgorithmSpec(algorithm_name=algorithm, algorithm_settings=settings),
        parallel_trial_count=spec.parallel_trial_count,
        max_trial_count=spec.max_trial_count,
    )
    return api.Experiment(name="search", spec=its)


def to_parameter(api: Any, parameter: ParameterSpec) -> Any:
    space = parameter.feasible_space
    spread = {Distribution.UNIFORM: api.UNIFORM, Distribution.LOG_UNIFORM: api.LOG_UNIFORM}
    its = api.FeasibleSpace(
        min=space.min or "",
        max=space.max or "",
        step=space.step or "",
        list=space.list or (),
        distribution=spread[space.distribution] if space.distribution else api.DISTRIBUTION_UNSPECIFIED,
    )
    kind = api.ParameterType.Value(parameter.parameter_type.name)
    return api.ParameterSpec(name=parameter.name, parameter_type=kind, feasible_space=its)


def is_positive(space: SearchSpace) -> bool:
    """Tell whether the service of scikit-optimize takes this: it spreads every double by its logarithm."""
    return all(axis.low > 0 for axis in space.axes if axis.step is None)
