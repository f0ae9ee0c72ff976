"""Every event of this version, by its type on the wire."""

from .envelope import Event
from .experiment import (
    ClockTicked,
    ExperimentCreated,
    ExperimentDeleteRequested,
    ExperimentEdited,
    ExperimentFinished,
    ExperimentStopRequested,
)
from .observation import MetricReported
from .suggestion import SuggestionRequested
from .trial import TrialCreated, TrialDeleteRequested, TrialFinished, TrialStopRequested, WorkerChanged

EVENT_TYPES: dict[str, type[Event]] = {
    event.type: event
    for event in (
        ExperimentCreated,
        SuggestionRequested,
        TrialCreated,
        WorkerChanged,
        MetricReported,
        TrialStopRequested,
        TrialFinished,
        TrialDeleteRequested,
        ExperimentEdited,
        ExperimentStopRequested,
        ExperimentDeleteRequested,
        ExperimentFinished,
        ClockTicked,
    )
}
