"""trial.stop_requested → worker.changed: end a Trial in place, or tell its target to stop the Worker."""

from events.envelope import Event
from events.trial import TargetKind, TrialStopRequested
from functions.experiment.announcements import announcements
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Stores, Targets
from functions.trial.stopping import claim_stop, note_stop_sent


async def handle(event: TrialStopRequested, *, stores: Stores, targets: Targets, limits: Limits) -> list[Event]:
    """Stop once; a process Worker is stopped by its own host, which reads the reason from the row."""
    claim = await claim_stop(event, stores, limits)
    if claim.worker is not None and event.target != TargetKind.PROCESS:
        await targets[event.target].stop(claim.worker)
        return await note_stop_sent(event, stores, limits)
    return announcements(claim.ended_experiment, cause=event, at=claim.at) if claim.ended_experiment else []


lambda_handler = lambda_entry(handle)
