"""A Worker is gone for good: noted in its Trial's row; the last one lets the purge of a deleted Experiment begin."""

from events.envelope import Event
from events.reference import TrialEvent
from functions.experiment.announcements import announcements
from functions.ports import Stores


async def note_removed(event: TrialEvent, stores: Stores) -> list[Event]:
    """Note that the attempt's Worker is gone, where its Trial has ended or has a newer attempt."""
    async with stores.begin() as store:
        experiment = await store.experiment(event.experiment, lock=True)
        trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
        if experiment is None or trial is None or (trial.is_active and trial.attempt == event.attempt):
            return []
        at = await store.now()
        trial.note_removed(event.attempt, at=at)
        if trial.is_active or experiment.deleted_at is None or await store.unremoved_trials(experiment.uid, 1):
            return []
        return announcements(experiment, cause=event, at=at)
