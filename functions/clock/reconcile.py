"""clock.ticked → whatever is missing: rows whose time has come are looked at again, in bounded pages."""

from events.envelope import Event
from events.experiment import ClockTicked
from functions.clock.experiments import nudge_experiments
from functions.clock.hosts import lose_silent_hosts
from functions.clock.trials import nudge_trials
from functions.lambda_entry import lambda_entry
from functions.limits import Limits
from functions.ports import Stores


async def handle(event: ClockTicked, *, stores: Stores, limits: Limits) -> list[Event]:
    """Announce again what the rows say is outstanding; the rows alone suffice, whatever a broker lost."""
    await lose_silent_hosts(stores, limits)
    return [*await nudge_experiments(event, stores, limits), *await nudge_trials(event, stores, limits)]


lambda_handler = lambda_entry(handle)
