"""Where an Experiment stands, why it ended, and the words that Katib has for it."""

from enum import StrEnum


class Phase(StrEnum):
    """Where an Experiment stands, for queries; users see the conditions."""

    CREATED = "Created"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class EndReason(StrEnum):
    """Why an Experiment ended: Katib's reasons, then ours."""

    GOAL = "ExperimentGoalReached"
    MAX_TRIALS = "ExperimentMaxTrialsReached"
    SEARCH_END = "ExperimentSuggestionEndReached"
    MAX_DURATION = "ExperimentMaxDurationReached"
    NO_IMPROVEMENT = "ExperimentNoImprovement"
    FAILED = "ExperimentFailed"
    STOPPED = "ExperimentStopped"
    INVALID = "ExperimentInvalid"


MESSAGES = {
    EndReason.GOAL: "Experiment has succeeded because Objective goal has reached",
    EndReason.MAX_TRIALS: "Experiment has succeeded because max trial count has reached",
    EndReason.SEARCH_END: "Experiment has succeeded because suggestion service has reached the end",
    EndReason.MAX_DURATION: "Experiment has succeeded because max duration has reached",
    EndReason.NO_IMPROVEMENT: "Experiment has succeeded because the objective has stopped improving",
    EndReason.FAILED: "Experiment has failed because max failed count has reached",
    EndReason.STOPPED: "Experiment has been stopped",
}

SUCCESSES = frozenset(
    {
        EndReason.GOAL,
        EndReason.MAX_TRIALS,
        EndReason.SEARCH_END,
        EndReason.MAX_DURATION,
        EndReason.NO_IMPROVEMENT,
    }
)
