"""Which counter of an Experiment counts a Trial in which state."""

from functions.trial.model import TrialState

COUNTER_OF = {
    TrialState.PENDING: "pending",
    TrialState.LAUNCHING: "pending",
    TrialState.RUNNING: "running",
    TrialState.SETTLING: "running",
    TrialState.SUCCEEDED: "succeeded",
    TrialState.FAILED: "failed",
    TrialState.KILLED: "killed",
    TrialState.EARLY_STOPPED: "early_stopped",
    TrialState.METRICS_UNAVAILABLE: "metrics_unavailable",
}
