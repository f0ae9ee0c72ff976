"""A Worker is gone for good: noted in its Trial's row; the last one lets the purge of a deleted Experiment begin."""

from events.envelope import Event
from events.reference import TrialEvent
from functions.experiment.announcements import announcements
from functions.experiment.model import Experiment
from functions.ports import Stores
from functions.trial.model import Trial


def is_kept(event: TrialEvent, experiment: Experiment, trial: Trial) -> bool:
    """Tell whether the attempt's object stays when it has ended: `retain`, until its Trial is deleted."""
    template = experiment.spec.trial_template
    is_wanted = not experiment.deleted_at and not trial.is_hidden and event.attempt == trial.attempt
    return is_wanted and template is not None and template.retain


async def note_removed(event: TrialEvent, stores: Stores, *, was_kept: bool) -> list[Event]:
    """Note that the attempt's Worker is gone, where its Trial has ended or has a newer attempt.

    What was kept, and since then has been deleted, is left to reconcile: it is still there.
    """
    async with stores.begin() as store:
        experiment = await store.experiment(event.experiment, lock=True)
        trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
        if experiment is None or trial is None or (trial.is_active and trial.attempt == event.attempt):
            return []
        if was_kept and not is_kept(event, experiment, trial):
            return []
        at = await store.now()
        trial.note_removed(event.attempt, at=at)
        if trial.is_active or experiment.deleted_at is None or await store.unremoved_trials(experiment.uid, 1):
            return []
        return announcements(experiment, cause=event, at=at)
