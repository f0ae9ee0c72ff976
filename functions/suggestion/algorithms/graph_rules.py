"""What searching a graph needs: Katib's rules of operations, and a template that asks for what is assigned."""

import json
from collections.abc import Iterator, Sequence

from events.experiment import ExperimentSpec
from events.search_space import NasConfig, Operation, ParameterSpec, ParameterType
from functions.suggestion.axis import LISTED, to_number
from functions.suggestion.search_space import Problem, validate_parameters
from functions.trial.manifest import METADATA

_NAS = "spec.nasConfig"


def validate_graph(spec: ExperimentSpec, assigned: Sequence[str]) -> Iterator[Problem]:
    """Yield what is wrong with the graph, and the names that the template asks for and no Trial will have."""
    yield from _validate_references(spec, assigned)
    config = spec.nas_config
    name = spec.algorithm.algorithm_name if spec.algorithm else ""
    if config is None:
        yield _NAS, f"algorithm {name} searches spec.nasConfig, not spec.parameters"
        return
    if config.graph_config.num_layers is None or config.graph_config.num_layers < 1:
        yield f"{_NAS}.graphConfig.numLayers", f"Missing NumLayers in GraphConfig:\n{_graph(config)}"
    if not config.operations:
        yield f"{_NAS}.operations", "Missing Operations in NasConfig"
    for index, operation in enumerate(config.operations):
        yield from _validate_operation(operation, f"{_NAS}.operations[{index}]")


def is_sound(operations: Sequence[Operation]) -> bool:
    """Tell whether the parameters of all operations are such that their values can be counted."""
    return not any(problem for it in operations for problem in validate_parameters(it.parameters))


def validate_sizes(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield the sizes that a network needs and the graph does not have."""
    config = spec.nas_config
    if config and not config.graph_config.input_sizes:
        yield f"{_NAS}.graphConfig.inputSizes", f"Missing InputSizes in GraphConfig:\n{_graph(config)}"
    if config and not config.graph_config.output_sizes:
        yield f"{_NAS}.graphConfig.outputSizes", f"Missing OutputSizes in GraphConfig:\n{_graph(config)}"


def _graph(config: NasConfig) -> str:
    return json.dumps(config.graph_config.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def _validate_references(spec: ExperimentSpec, assigned: Sequence[str]) -> Iterator[Problem]:
    """Katib, too, finds out when the first Trial is made."""
    name = spec.algorithm.algorithm_name if spec.algorithm else ""
    parameters = (spec.trial_template.trial_parameters if spec.trial_template else None) or ()
    for index, it in enumerate(parameters):
        if it.reference and it.reference not in assigned and not METADATA.search(it.reference):
            at = f"spec.trialTemplate.trialParameters[{index}].reference"
            known = ", ".join(assigned)
            yield at, f"parameter reference {it.reference} does not exist: algorithm {name} assigns {known}"


def _validate_operation(operation: Operation, at: str) -> Iterator[Problem]:
    text = json.dumps(operation.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    if not operation.operation_type:
        yield f"{at}.operationType", f"Missing operationType in Operation:\n{text}"
    if not operation.parameters:
        yield f"{at}.parameters", f"Missing ParameterConfigs in Operation:\n{text}"
    for place, parameter in enumerate(operation.parameters):
        yield from _validate_parameter(parameter, f"{at}.parameters[{place}]")


def _validate_parameter(parameter: ParameterSpec, at: str) -> Iterator[Problem]:
    """Yield what a list of values cannot be made of; what is wrong with any parameter is said elsewhere."""
    space = parameter.feasible_space
    if parameter.parameter_type != ParameterType.DOUBLE or parameter.parameter_type in LISTED:
        return
    try:
        is_stepped = bool(space.step) and to_number(space.step or "") > 0
    except ValueError:
        return
    if not is_stepped:
        yield f"{at}.feasibleSpace.step", "Step parameter should be > 0 in ParameterConfig.feasibleSpace"
