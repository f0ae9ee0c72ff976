"""The rules of what is searched and how: the algorithm, its early stopping, and the space."""

from collections.abc import Iterator, Sequence

from events.experiment import ExperimentSpec
from events.objective import EarlyStopping
from events.resource import Setting
from functions.experiment.parsing import Problem
from functions.observation.early_stopping import STOPPER_NAMES, get_family
from functions.suggestion.algorithms import UnknownAlgorithmError, get_algorithm, known_names
from functions.suggestion.algorithms.interface import Algorithm
from functions.suggestion.search_space import SearchSpace

_ALGORITHM = "spec.algorithm"
_EARLY_STOPPING = "spec.earlyStopping"
_NAS = "spec.nasConfig"
_MUST_BE_SPECIFIED = "must be specified"


def validate_algorithm(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield what is wrong with the algorithm; it judges its own settings and whether it can search this space."""
    name = spec.algorithm.algorithm_name if spec.algorithm else ""
    if spec.algorithm is None or not name:
        yield (f"{_ALGORITHM}.algorithmName" if spec.algorithm else _ALGORITHM), _MUST_BE_SPECIFIED
        return
    algorithm = _find_algorithm(name)
    if isinstance(algorithm, str):
        yield f"{_ALGORITHM}.algorithmName", f"unable to get Suggestion config data for algorithm {name}: {algorithm}"
        return
    settings = spec.algorithm.algorithm_settings
    yield from _validate_repeats(settings, f"{_ALGORITHM}.algorithmSettings")
    problems = algorithm.validate(spec, {setting.name: setting.value for setting in settings})
    has_both = bool(spec.parameters) and spec.nas_config is not None  # which `validate_space` reports
    yield from (problem for problem in problems if not (has_both and problem[0] == _NAS))


def _find_algorithm(name: str) -> Algorithm | str:
    """Return the algorithm, or why there is none; what is wrong with an installed package is the user's to read."""
    try:
        return get_algorithm(name)
    except UnknownAlgorithmError:
        return f"it is none of {', '.join(known_names())}"
    except (AttributeError, ImportError) as error:
        return f"its package cannot be loaded: {error}"


def validate_early_stopping(early_stopping: EarlyStopping | None) -> Iterator[Problem]:
    """Yield what is wrong with the early stopping, where there is any."""
    if early_stopping is None:
        return
    name = early_stopping.algorithm_name
    if not name:
        yield f"{_EARLY_STOPPING}.algorithmName", _MUST_BE_SPECIFIED
    elif name not in STOPPER_NAMES:
        known = ", ".join(STOPPER_NAMES)
        text = f"unable to get EarlyStopping config data for algorithm {name}: it is none of {known}"
        yield f"{_EARLY_STOPPING}.algorithmName", text
    else:
        yield from _validate_stopping_settings(name, early_stopping.algorithm_settings)


def _validate_stopping_settings(name: str, settings: Sequence[Setting]) -> Iterator[Problem]:
    at = f"{_EARLY_STOPPING}.algorithmSettings"
    yield from _validate_repeats(settings, at)
    places = {setting.name: index for index, setting in enumerate(settings)}
    for setting, field, message in get_family(name).validate({it.name: it.value for it in settings}):
        yield (f"{at}[{places[setting]}].{field}" if setting else at), message


def _validate_repeats(settings: Sequence[Setting], at: str) -> Iterator[Problem]:
    """Yield settings that are given again: the last would silently win."""
    names: set[str] = set()
    for index, setting in enumerate(settings):
        if setting.name in names:
            yield f"{at}[{index}].name", f"setting {setting.name} is given twice"
        names.add(setting.name)


def validate_space(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield what is wrong with the search space: exactly one of parameters and a graph, and every axis sound.

    Whether the algorithm searches such a space at all, and what else it asks of a graph, it says itself.
    """
    if spec.nas_config is not None and spec.parameters:
        yield "spec", "only one of spec.parameters and spec.nasConfig can be specified"
    elif spec.nas_config is None and not spec.parameters:
        yield "spec", "spec.parameters or spec.nasConfig must be specified"
    yield from SearchSpace.validate_parameters(spec.parameters)
    for index, operation in enumerate(spec.nas_config.operations if spec.nas_config else ()):
        path = f"{_NAS}.operations[{index}].parameters"
        yield from SearchSpace.validate_parameters(operation.parameters, path)
        for place, parameter in enumerate(operation.parameters):
            if parameter.when is not None:
                yield f"{path}[{place}].when", "is for spec.parameters only"
