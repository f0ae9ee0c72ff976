"""What may be changed about an Experiment that exists: its budget, in Katib's words.

Katib wants `maxTrialCount` above the Trials that exist for any change at all; here a budget may be lowered as well, and
then nothing is created until there is room.
"""

from collections.abc import Iterator

from events.experiment import Budget, ExperimentSpec
from functions.experiment.budget_rules import validate_budget
from functions.experiment.model import Experiment
from functions.experiment.parsing import Problem

_CANNOT_RESTART = (
    "Experiment can be restarted if it is in succeeded state by reaching max trials and spec.resumePolicy = LongRunning"
    " or spec.resumePolicy = FromVolume, when experiment is completed"
)
_NOT_EDITABLE = "only spec.parallelTrialCount, spec.maxTrialCount and spec.maxFailedTrialCount are editable"


def validate_update(experiment: Experiment, wanted: ExperimentSpec) -> Iterator[Problem]:
    """Yield what is wrong with this spec, defaults included, in the place of the Experiment's; the same is right."""
    if wanted == experiment.spec:
        return
    if experiment.is_completed and not experiment.is_restartable:
        yield "spec.resumePolicy", _CANNOT_RESTART
    budget = {name: getattr(wanted, name) for name in Budget.model_fields}
    if wanted != experiment.spec.replace(**budget):
        yield "spec", _NOT_EDITABLE
    yield from validate_budget(wanted)
