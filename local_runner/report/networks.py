"""A network of ENAS as a diagram: `architecture` and `nn_config`, as its Trial got them."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from functions.suggestion.algorithms.quoting import from_quoted
from local_runner.report.diagram import ArchitectureError, Box, BoxKind, Diagram, Link

MAX_LAYERS = 64
"""As many as an ENAS search may have."""

Layer = Annotated[list[int], Field(min_length=1, max_length=MAX_LAYERS)]


class _Choice(BaseModel):
    opt_type: str
    opt_params: dict[str, str] = {}


class _Network(BaseModel):
    input_sizes: list[int] = []
    output_sizes: list[int] = []
    embedding: dict[int, _Choice]


class _Architecture(BaseModel):
    layers: Annotated[list[Layer], Field(min_length=1, max_length=MAX_LAYERS)]


def read_network(architecture: str, nn_config: str) -> Diagram:
    """Return the layers one below the other, each fed by the one above and by those its skips name.

    A layer's skips count as Katib's images count them: the first is the network's input. Raises ArchitectureError.
    """
    try:
        layers = _Architecture.model_validate_json(f'{{"layers": {from_quoted(architecture)}}}').layers
        network = _Network.model_validate_json(from_quoted(nn_config))
    except ValidationError as error:
        first = error.errors()[0]
        message = f"{'.'.join(map(str, first['loc'])) or 'the text'}: {first['msg']}"
        raise ArchitectureError(message) from error
    rows = ((_input(network),), *((box,) for box in _layers(layers, network)), (_output(network),))
    return Diagram("The network", rows, tuple(_links(layers)))


def _input(network: _Network) -> Box:
    return Box("Input", BoxKind.END, " × ".join(map(str, network.input_sizes)))


def _output(network: _Network) -> Box:
    return Box("Output", BoxKind.END, ", ".join(map(str, network.output_sizes)))


def _layers(layers: list[Layer], network: _Network) -> Iterator[Box]:
    for number, (operation, *skips) in enumerate(layers, start=1):
        choice = network.embedding.get(operation)
        if choice is None:
            message = f"layer {number} is operation {operation}, which nn_config does not have"
            raise ArchitectureError(message)
        if len(skips) >= number or not set(skips) <= {0, 1}:
            message = f"layer {number} has the skips {skips}, and it can have {number - 1}, each 0 or 1"
            raise ArchitectureError(message)
        details = ", ".join(f"{name}={value}" for name, value in choice.opt_params.items())
        yield Box(f"{number}: {choice.opt_type}", BoxKind.OPERATION, details)


def _links(layers: list[Layer]) -> Iterator[Link]:
    for number, (_, *skips) in enumerate(layers, start=1):
        yield Link(number - 1, number)
        yield from (Link(source, number) for source, is_there in enumerate(skips) if is_there)
    yield Link(len(layers), len(layers) + 1)
