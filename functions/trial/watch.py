"""worker.changed → metric.reported, trial.finished: look at the Worker, read its log on, say what is new."""

from events.envelope import Event
from events.trial import WorkerChanged
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Stores, Targets
from functions.trial.removal import note_removed
from functions.trial.watching import WatchMemory, load_watched, note_missing, note_seen, report
from functions.worker import WorkerPhase


async def handle(
    event: WorkerChanged, *, stores: Stores, targets: Targets, memory: WatchMemory, limits: Limits
) -> list[Event]:
    """Look, whatever the event says has changed: asking twice is harmless, and so is asking late."""
    target = targets[event.target]
    watched = await load_watched(event, stores)
    if watched is None:
        return []
    if watched.is_stale:
        if not watched.is_kept:
            await target.remove(watched.worker)
        return await note_removed(event, stores, was_kept=watched.is_kept)
    state = await target.look(watched.worker)
    if state.phase == WorkerPhase.MISSING:
        return await note_missing(event, state, watched, stores, limits)
    await note_seen(event, state, watched, stores, limits)
    return await report(event, state, watched, target, memory=memory, limits=limits)


lambda_handler = lambda_entry(handle)
