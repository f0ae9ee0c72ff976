"""When reconcile looks at a row again: doubling, jittered, capped."""

from datetime import datetime, timedelta

from functions.experiment.model import Experiment
from functions.identity import derive_seed
from functions.limits import Limits
from functions.trial.model import Trial


def move_on(row: Experiment | Trial, limits: Limits, *, at: datetime, counts: bool = True) -> bool:
    """Set when to look again, and tell whether the row has used up its nudges.

    Where it does not count (a Trial that waits for a slot), the pause grows all the same, up to the limit.
    """
    pause = min(limits.nudge_base_seconds * 2.0 ** min(row.nudges, 16), limits.nudge_cap_seconds)
    jitter = 0.75 + derive_seed(row.uid, row.nudges) / 2**33
    row.due_at = at + timedelta(seconds=pause * jitter)
    if not counts:
        row.nudges = min(row.nudges + 1, limits.nudge_limit - 1)
        return False
    row.nudges += 1
    return row.nudges > limits.nudge_limit
