"""When a Trial does too poorly to go on: the families by their names, each imported when it is asked for."""

from functools import lru_cache
from importlib import import_module
from typing import cast

from events.objective import EarlyStopping
from functions.observation.early_stopping.interface import EarlyStopper, Family

_FAMILIES = {
    "asha": "halving:Asha",
    "hyperband": "halving:Hyperband",
    "medianstop": "medianstop:MedianStop",
    "patient": "patient:Patient",
    "percentile": "percentile:Percentile",
    "threshold": "threshold:Threshold",
    "wilcoxon": "wilcoxon:Wilcoxon",
}

STOPPER_NAMES = tuple(_FAMILIES)

_REMEMBERED_STOPPERS = 256
"""Settings are read once for all reports of an Experiment."""


class UnknownStopperError(KeyError):
    """No early stopping has this name: admission should have refused the Experiment."""


def get_family(name: str) -> Family:
    """Return the family of this name. Raises UnknownStopperError."""
    if name not in _FAMILIES:
        raise UnknownStopperError(name)
    module_name, _, attribute = _FAMILIES[name].partition(":")
    return cast("Family", getattr(import_module(f"{__name__}.{module_name}"), attribute))


@lru_cache(_REMEMBERED_STOPPERS)
def build_stopper(early_stopping: EarlyStopping) -> EarlyStopper:
    """Return what judges the Trials of an Experiment that was admitted."""
    settings = {setting.name: setting.value for setting in early_stopping.algorithm_settings}
    return get_family(early_stopping.algorithm_name).build(settings)
