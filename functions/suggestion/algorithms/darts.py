"""DARTS: the search happens inside the Worker; each Trial gets the settings and the operations."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from events.experiment import ExperimentSpec
from events.search_space import NasConfig, Operation, ParameterAssignment
from functions.suggestion.algorithms.graph_rules import is_sound, validate_graph
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.algorithms.quoting import to_quoted
from functions.suggestion.algorithms.settings import SETTINGS, Rule, find_problem, setting_paths
from functions.suggestion.axis import Axis, to_number
from functions.suggestion.graph import layers_of, parameter_values
from functions.suggestion.search_space import Problem

ASSIGNED = ("algorithm-settings", "search-space", "num-layers")
SKIP_CONNECTION = "skip_connection"
MAX_NAMES = 1_000
"""Operations, one for each size of a filter: a Worker mixes them all, and is told them in one argument."""
_NONE = "None"
_MAY_BE_NONE = frozenset({"batch_size", "w_grad_clip"})
"""Katib's one, and the one that says that nothing is clipped; a Worker can do nothing with another."""

_DEFAULTS: Final[Mapping[str, JsonValue]] = {
    "num_epochs": 50,
    "w_lr": 0.025,
    "w_lr_min": 0.001,
    "w_momentum": 0.9,
    "w_weight_decay": 3e-4,
    "w_grad_clip": 5.0,
    "alpha_lr": 3e-4,
    "alpha_weight_decay": 1e-3,
    "batch_size": 128,
    "num_workers": 4,
    "init_channels": 16,
    "print_step": 50,
    "num_nodes": 4,
    "stem_multiplier": 3,
}
_ZERO = "{name} should be greater than or equal to zero"
_ONE = "{name} should be greater than or equal to one"
_RULES: Final[Mapping[str, Rule]] = {
    "num_epochs": Rule(int, lambda value: value > 0, "{name} should be greater than zero"),
    **{
        name: Rule(to_number, lambda value: value >= 0, _ZERO)
        for name in (
            "w_lr",
            "w_lr_min",
            "w_momentum",
            "w_weight_decay",
            "w_grad_clip",
            "alpha_lr",
            "alpha_weight_decay",
        )
    },
    "num_workers": Rule(int, lambda value: value >= 0, _ZERO),
    **{
        name: Rule(int, lambda value: value >= 1, _ONE)
        for name in ("batch_size", "init_channels", "print_step", "num_nodes", "stem_multiplier")
    },
}


class Darts:
    """Katib's `darts`, for any number of Trials: its Workers differ by chance alone."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with settings that Katib knows; others are the Worker's."""
        yield from validate_graph(spec, ASSIGNED)
        yield from _validate_size(spec)
        paths = setting_paths(spec)
        for name, text in settings.items():
            problem = find_problem(name, text, (_RULES[name],)) if name in _RULES else None
            if problem and not (text == _NONE and name in _MAY_BE_NONE):
                yield f"{paths.get(name, SETTINGS)}.value", problem

    def suggest(self, request: Request) -> Answer:
        """Give every Trial the same; there is no end but the budget."""
        config = request.spec.nas_config or NasConfig()
        given = {name: None if text == _NONE else text for name, text in request.settings.items()}
        values = (
            to_quoted({**_DEFAULTS, **given}),
            to_quoted([name for operation in config.operations for name in _names(operation)]),
            str(layers_of(config.graph_config)),
        )
        pairs = zip(ASSIGNED, values, strict=True)
        assignments = tuple(ParameterAssignment(name=name, value=value) for name, value in pairs)
        row = tuple(axis.low for axis in request.space.axes)
        return Answer((Suggested(row, assignments=assignments),) * request.count)


def _validate_size(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield a problem where the names would not fit into one argument of a command."""
    operations = spec.nas_config.operations if spec.nas_config else ()
    sized = [it.parameters[0] for it in operations if it.operation_type != SKIP_CONNECTION and it.parameters]
    if is_sound(operations) and sum(Axis.from_spec(it).size or 1 for it in sized) > MAX_NAMES:
        yield "spec.nasConfig.operations", f"must have {MAX_NAMES} sizes of filters or less"


def _names(operation: Operation) -> list[str]:
    """Return an operation's names: one for each value of its first parameter, which is the size of a filter."""
    if operation.operation_type == SKIP_CONNECTION or not operation.parameters:
        return [operation.operation_type]
    return [f"{operation.operation_type}_{size}x{size}" for size in parameter_values(operation.parameters[0])]


DARTS = Darts()
