"""trial.finished → suggestion.requested | trial.created | experiment.finished: settle the Trial, then what follows."""

from events.envelope import Event
from events.trial import TrialFinished
from functions.experiment.announcements import announcements, removal_of_older, schedule, trial_announcements
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Store
from functions.trial.closing import close_if_whole, take_outcome


async def handle(event: TrialFinished, *, store: Store, limits: Limits) -> list[Event]:
    """Fold the outcome into the Trial and its Experiment once; announce what follows from the state."""
    experiment = await store.experiment(event.experiment, lock=True)
    trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
    if experiment is None or trial is None or trial.uid != event.trial.uid:
        return []
    at = await store.now()
    if trial.is_active and trial.attempt == event.attempt:
        await take_outcome(event, experiment, trial, store, limits)
        await close_if_whole(experiment, trial, store)
        schedule(experiment, limits, at=at)
    follow = removal_of_older(experiment, trial, cause=event, at=at)
    follow += trial_announcements(experiment, trial, cause=event, at=at)
    return [*follow, *announcements(experiment, cause=event, at=at)]


lambda_handler = lambda_entry(handle)
