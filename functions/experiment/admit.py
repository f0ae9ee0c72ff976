"""experiment.created → suggestion.requested | experiment.finished: admit the Experiment, or say why it is invalid."""

from events.envelope import Event
from events.experiment import ExperimentCreated
from functions.errors import Reject
from functions.experiment.announcements import announcements, schedule
from functions.experiment.newcomer import read_newcomer
from functions.experiment.warm_start import settle_sources
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Store


async def handle(event: ExperimentCreated, *, store: Store, limits: Limits) -> list[Event]:
    """Insert the Experiment once; a known uid announces from the state, a deleted one does nothing."""
    newcomer = read_newcomer(event, at=await store.now())
    experiment = await store.experiment(newcomer.experiment.ref, lock=True)
    if experiment is None:
        if await store.has_tombstone(newcomer.experiment.uid):
            return []
        experiment = newcomer.experiment
        await settle_sources(experiment, store)
        schedule(experiment, limits, at=await store.now())
        if not await store.add_experiment(experiment, newcomer.suggestion):
            reason = f"metadata.name: {experiment.live_name} already exists"
            raise Reject(f"{reason}; {newcomer.experiment.error}" if newcomer.experiment.error else reason)
        if await store.has_tombstone(experiment.uid):  # a delete that was under way at the same time
            experiment.delete(at=await store.now())
    return announcements(experiment, cause=event, at=await store.now())


lambda_handler = lambda_entry(handle)
