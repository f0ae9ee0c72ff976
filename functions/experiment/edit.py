"""experiment.edited → suggestion.requested | experiment.finished: take the new budget, once and in order."""

from events.envelope import Event
from events.experiment import ExperimentEdited
from functions.experiment.announcements import announcements, schedule
from functions.experiment.command import find_addressed, has_seen_last_edit
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Store


async def handle(event: ExperimentEdited, *, store: Store, limits: Limits) -> list[Event]:
    """Apply the newest edit; older ones, by their ids' time order, change nothing."""
    experiment = await find_addressed(event, store)
    if experiment is None:
        return []
    is_expected = has_seen_last_edit(event.resource_version, experiment)
    if event.id > experiment.edit_id and is_expected:
        experiment.edit(event.budget, edit_id=event.id, at=await store.now())
        schedule(experiment, limits, at=await store.now())
    return announcements(experiment, cause=event, at=await store.now())


lambda_handler = lambda_entry(handle)
