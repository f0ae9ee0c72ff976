"""experiment.delete_requested → trial.stop_requested, experiment.finished: hide the Experiment, stop what runs."""

from events.envelope import Event
from events.experiment import ExperimentDeleteRequested
from functions.experiment.announcements import announcements, schedule
from functions.experiment.ending import stop_trials
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Store


async def handle(event: ExperimentDeleteRequested, *, store: Store, limits: Limits) -> list[Event]:
    """Leave a tombstone, so that nothing that is still under way brings the Experiment back."""
    experiment = await store.experiment(event.experiment, lock=True)
    if experiment is None and event.experiment.uid:
        await store.add_tombstone(event.experiment.uid)
        experiment = await store.experiment(event.experiment, lock=True)  # its creation may be under way
    if experiment is None or not experiment.is_addressed_by(event):
        return []
    at = await store.now()
    if experiment.deleted_at is None:
        experiment.delete(at=at)
        await store.add_tombstone(experiment.uid)
        template = experiment.spec.trial_template
        await store.reopen_ended(experiment.uid, with_objects=template is not None and template.retain)
        schedule(experiment, limits, at=at)
    return [*await stop_trials(experiment, store, cause=event), *announcements(experiment, cause=event, at=at)]


lambda_handler = lambda_entry(handle)
