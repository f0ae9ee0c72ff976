"""The search space of a graph: which operations there are, and a network as a row of numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from events.experiment import ExperimentSpec
from events.search_space import GraphConfig, NasConfig, ParameterSpec, ParameterType
from functions.suggestion.axis import LISTED, Axis
from functions.suggestion.search_space import Row, SearchSpace

ENAS = "enas"

MAX_LAYERS = 64
"""With its skips such a network is a row of 2,080 numbers; the store keeps up to 8,000."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One operation with a value for each of its parameters."""

    type: str
    parameters: dict[str, str]


def choices_of(config: NasConfig) -> list[Choice]:
    """Return every operation with every combination of its parameters' values; the last parameter changes fastest."""
    choices: list[Choice] = []
    for operation in config.operations:
        names = [parameter.name for parameter in operation.parameters]
        values = product(*map(parameter_values, operation.parameters))
        choices += [Choice(operation.operation_type, dict(zip(names, each, strict=True))) for each in values]
    return choices


def count_choices(config: NasConfig) -> int:
    """Count the choices without making them."""
    total = 0
    for operation in config.operations:
        count = 1
        for parameter in operation.parameters:
            count *= Axis.from_spec(parameter).size or 1
        total += count
    return total


def parameter_values(parameter: ParameterSpec) -> Sequence[str]:
    """Return every value of an operation's parameter, as text."""
    if parameter.parameter_type in LISTED:
        return parameter.feasible_space.list or ()
    axis = Axis.from_spec(parameter)
    texts = (axis.to_text(axis.value_at(index)) for index in range(axis.size or 1))
    if parameter.parameter_type == ParameterType.INT:
        return list(texts)
    return [format(Decimal(text), "f") for text in texts]


def space_of(spec: ExperimentSpec) -> SearchSpace:
    """Return the parameters, or what a network is written in; a graph that others search is no space of ours."""
    if spec.nas_config is None:
        return SearchSpace.from_spec(spec.parameters, spec.parameter_constraints)
    is_ours = spec.algorithm is not None and spec.algorithm.algorithm_name == ENAS
    return SearchSpace(tuple(_axes(spec.nas_config)) if is_ours else ())


def _axes(config: NasConfig) -> Iterator[Axis]:
    """Yield for each layer its operation, then whether each earlier layer feeds it besides."""
    count = count_choices(config)
    for layer in range(layers_of(config.graph_config)):
        yield Axis(f"operation-{layer}", ParameterType.INT, 0.0, count - 1.0, 1.0)
        for earlier in range(layer):
            yield Axis(f"skip-{layer}-{earlier}", ParameterType.INT, 0.0, 1.0, 1.0)


def layers_of(graph: GraphConfig) -> int:
    """Return the number of layers."""
    return graph.num_layers or 0


def to_architecture(row: Row) -> list[list[int]]:
    """Return a network's layers: each with its operation, and the skips that it has."""
    numbers = [int(value) for value in row]
    layers: list[list[int]] = []
    while numbers:
        size = len(layers) + 1
        layers.append(numbers[:size])
        numbers = numbers[size:]
    return layers
