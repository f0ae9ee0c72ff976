"""trial.created → (the Worker runs) | trial.finished: claim the attempt, launch its Worker, note that it runs."""

from events.envelope import Event
from events.trial import TrialCreated
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Host, Stores, Targets
from functions.trial.launching import apply_launch, claim_launch, refusal
from functions.worker import LaunchRefusedError


async def handle(event: TrialCreated, *, stores: Stores, targets: Targets, host: Host, limits: Limits) -> list[Event]:
    """Launch once per attempt: the target is called by the holder of a committed claim only."""
    target = targets[event.target]
    try:
        worker = await claim_launch(event, stores, host, limits)
        if worker is None:
            return []
        reference = await target.launch(worker)
    except LaunchRefusedError as error:
        return [await refusal(event, stores, error)]
    is_wanted, follow = await apply_launch(event, stores, reference, limits)
    if not is_wanted:
        await target.remove(worker)
    return follow


lambda_handler = lambda_entry(handle)
