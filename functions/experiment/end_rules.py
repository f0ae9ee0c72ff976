"""What ends an Experiment: Katib's rules in Katib's order, then ours."""

from datetime import datetime
from typing import TYPE_CHECKING

from functions.experiment.optimum import is_goal_reached
from functions.experiment.reasons import EndReason

if TYPE_CHECKING:
    from functions.experiment.model import Experiment


def find_end(experiment: "Experiment", *, at: datetime) -> EndReason | None:
    """Return why an Experiment that has not ended ends now; the first rule that holds."""
    it, spec = experiment, experiment.spec
    bad, most_stale = it.failed + it.metrics_unavailable, spec.max_trials_without_improvement
    rules = {
        EndReason.GOAL: is_goal_reached(it),
        EndReason.FAILED: spec.max_failed_trial_count is not None and 0 < bad >= spec.max_failed_trial_count,
        EndReason.MAX_TRIALS: spec.max_trial_count is not None and it.completed_count >= spec.max_trial_count,
        EndReason.NO_IMPROVEMENT: most_stale is not None and it.stale_count >= most_stale,
        EndReason.MAX_DURATION: it.deadline is not None and it.deadline <= at,
        EndReason.SEARCH_END: it.is_search_ended and it.active_count == 0,
    }
    return next((reason for reason, holds in rules.items() if holds), None)
