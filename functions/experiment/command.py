"""A client's word about an Experiment: which one it means, and what to do when it comes before its creation."""

from events.reference import ExperimentEvent
from functions.errors import Reject, Retry
from functions.experiment.model import Experiment
from functions.ports import Store

_PATIENCE = 8
"""Redeliveries of a command that overtook its Experiment's creation: doubling from a second, about four minutes."""


async def find_addressed(event: ExperimentEvent, store: Store) -> Experiment | None:
    """Return the locked Experiment that the client means, or None where it is gone or came later.

    Raises Retry where its creation may be under way still, and Reject where there is no such Experiment.
    """
    experiment = await store.experiment(event.experiment, lock=True)
    if experiment is not None:
        is_meant = not experiment.deleted_at and experiment.is_addressed_by(event)
        return experiment if is_meant else None
    if event.experiment.uid and await store.has_tombstone(event.experiment.uid):
        return None
    reason = f"no Experiment {event.experiment.namespace}/{event.experiment.name} {event.experiment.uid}".rstrip()
    if event.experiment.uid and event.redelivery < _PATIENCE:
        raise Retry(reason, delay_seconds=2.0**event.redelivery)
    raise Reject(reason)


def has_seen_last_edit(resource_version: str | None, experiment: Experiment) -> bool:
    """Tell whether a precondition holds: nobody has edited the Experiment since this version.

    What its Trials do moves the version too, and is nothing that two clients could take from each other.
    """
    if resource_version is None:
        return True
    is_number = resource_version.isascii() and resource_version.isdigit()
    return is_number and experiment.edited_version <= int(resource_version) <= experiment.version
