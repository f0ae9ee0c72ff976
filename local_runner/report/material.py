"""What a report is made of: an Experiment and its Trials, and both as Optuna's Study for its plots."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.objective import ObjectiveType
from events.search_space import Distribution, ParameterSpec, ParameterType
from functions.experiment.model import Experiment
from functions.observation.fold import to_number
from functions.trial.model import Trial, TrialState

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

Value = float | int | str

_LOGARITHMIC = frozenset({Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL})
_USABLE = frozenset({TrialState.SUCCEEDED, TrialState.EARLY_STOPPED})


@dataclass(frozen=True, slots=True)
class Material:
    """An Experiment and all of its Trials, by number."""

    experiment: Experiment
    trials: Sequence[Trial]

    @property
    def objective_name(self) -> str:
        """The metric of the first objective."""
        return self.experiment.objective.objective_metric_name

    @property
    def usable(self) -> list[Trial]:
        """The Trials with a value, in the order of their ends."""
        found = (it for it in self.trials if it.state in _USABLE and it.value is not None)
        return sorted(found, key=lambda it: it.seq or 0)

    @property
    def has_texts(self) -> bool:
        """Whether Trials have an objective, and none of them a number."""
        return self.experiment.optimal is not None and not self.usable

    def to_study(self) -> "Study":
        """Return a Study in memory with the Trials that have a value, numbered as they ended."""
        import optuna

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a step that does not divide the range is no news in a report
            is_minimized = self.experiment.objective.type == ObjectiveType.MINIMIZE
            study = optuna.create_study(direction="minimize" if is_minimized else "maximize")
            axes = {it.name: it for it in self.experiment.spec.parameters}
            values = [_values_of(trial, axes) for trial in self.usable]
            spaces = {
                name: _distribution(axis, [row[name] for row in values if name in row]) for name, axis in axes.items()
            }
            study.add_trials([_frozen(trial, row, spaces) for trial, row in zip(self.usable, values, strict=True)])
        return study


def _values_of(trial: Trial, axes: Mapping[str, ParameterSpec]) -> dict[str, Value]:
    """Return the assignments as numbers where the axis is of numbers."""
    given = ((axes[it.name], it.value) for it in trial.assignments if it.name in axes)
    return {axis.name: _to_value(axis, text) for axis, text in given}


def _to_value(axis: ParameterSpec, text: str) -> Value:
    number = to_number(text)
    if axis.parameter_type == ParameterType.CATEGORICAL or number is None:
        return text
    return int(number) if axis.parameter_type == ParameterType.INT else number


def _distribution(axis: ParameterSpec, seen: Sequence[Value]) -> "BaseDistribution":
    """Return the axis as Optuna has it, wide enough for every value that was tried."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = [it for it in seen if not isinstance(it, str)]
    low, high = (to_number(text or "") for text in (axis.feasible_space.min, axis.feasible_space.max))
    is_range = axis.parameter_type in {ParameterType.INT, ParameterType.DOUBLE} and None not in {low, high}
    if not is_range or len(numbers) < len(seen):
        listed = [_to_value(axis, text) for text in axis.feasible_space.list or ()]
        return CategoricalDistribution(list(dict.fromkeys([*listed, *seen])) or ["-"])
    low, high = min([low or 0.0, *numbers]), max([high or 0.0, *numbers])
    is_log = axis.feasible_space.distribution in _LOGARITHMIC and low > 0
    if axis.parameter_type == ParameterType.INT:
        return IntDistribution(int(low), int(high), log=is_log and low >= 1)
    return FloatDistribution(low, high, log=is_log)


def _frozen(trial: Trial, values: Mapping[str, Value], spaces: Mapping[str, "BaseDistribution"]) -> "FrozenTrial":
    from optuna.trial import create_trial

    return create_trial(
        value=trial.value,
        params=dict(values),
        distributions={name: spaces[name] for name in values},
        user_attrs={"trial": trial.name},
    )
