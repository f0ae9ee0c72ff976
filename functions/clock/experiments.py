"""Experiments whose time has come: a search, a conclusion or a purge is outstanding."""

from events.envelope import Event
from events.experiment import ClockTicked
from functions.clock.backoff import move_on
from functions.experiment.announcements import announcements
from functions.experiment.model import Experiment
from functions.experiment.reasons import EndReason
from functions.limits import Limits
from functions.ports import Ledger, Stores


async def nudge_experiments(event: ClockTicked, stores: Stores, limits: Limits) -> list[Event]:
    """Announce what each due Experiment waits for; past the limit its search has failed."""
    async with stores.begin() as store:
        follow: list[Event] = []
        for experiment in await store.due_experiments(limits.page_count):
            follow += await _nudge(experiment, event, store, limits)
        return follow


async def _nudge(experiment: Experiment, event: ClockTicked, store: Ledger, limits: Limits) -> list[Event]:
    at = await store.now()
    experiment.settle(at=at)  # its time may be over
    follow = announcements(experiment, cause=event, at=at)
    if not follow:
        experiment.wake_at(experiment.searching_until if experiment.free_slots else None)
        return []
    is_spent = move_on(experiment, limits, at=at)
    experiment.wake_at(experiment.due_at)
    if is_spent and experiment.free_slots:
        suggestion = await store.suggestion(experiment.uid)
        error = (suggestion.error if suggestion else "") or "no answer to any request for suggestions"
        experiment.end(EndReason.FAILED, at=at, message=f"Suggestion has failed: {error}")
        return announcements(experiment, cause=event, at=at)
    if is_spent and experiment.is_completed and not experiment.pending and not experiment.deleted_at:
        experiment.notified_completion = experiment.completion
        experiment.due_at = None
        return []
    return follow
