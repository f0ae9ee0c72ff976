"""RabbitMQ's exchanges, queues and bindings as data, derived from the catalogue.

    kuttab.events (topic) ── event type ──▶ kuttab.<queue> ── limit ──▶ kuttab.dead (direct) ──▶ kuttab.<queue>.dead
                                                 ▲
    kuttab.retry (headers) ─ kuttab-delay ─▶ kuttab.retry.<n>s, whose messages expire into the queue they are keyed by

A client's own queue binds `kuttab.events` with `kuttab.#`, `kuttab.trial.finished.v1` or
`kuttab.trial.created.v1.external`; queues are named as in the catalogue, after `kuttab.`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from events.envelope import Event
from events.trial import TargetKind, TrialCreated
from functions.catalog import BY_QUEUE, EXTERNAL_QUEUE, SUBSCRIPTIONS, is_selector_queue, launch_queue, queue_of
from infra.broker.port import DELIVERY_LIMIT

EVENTS = "kuttab.events"
DEAD = "kuttab.dead"
RETRY = "kuttab.retry"
EXCHANGES = {EVENTS: "topic", DEAD: "direct", RETRY: "headers"}
"""Exchange → its type; all are durable."""

DELAY_HEADER = "kuttab-delay"
"""Names the retry queue; exchanges of type headers do not look at names that begin with x-."""
REASON_HEADER = "x-kuttab-reason"
RETRY_SECONDS = tuple(2**exponent for exponent in range(11))
"""The delays there are, up to 17 minutes: each is a queue, because a queue's messages expire in their order only."""
EXTERNAL_COUNT = 100_000
"""Messages that wait for clients of External Trials; of more the oldest go, as clients may read their own queues."""

IDLE_MILLISECONDS = 30 * 86_400_000
"""The broker deletes a selector's queue that nobody has waited at for so long: longer than Workers keep hosts full.
Should it not be, reconcile publishes again what was in it."""

_PREFIX = "kuttab."
_LAUNCH = "trial-launch-"
_LIMITED: Mapping[str, str | int] = {
    "x-queue-type": "quorum",
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",  # what at-least-once dead-lettering asks for
}


@dataclass(frozen=True, slots=True)
class Binding:
    """What brings messages into a queue."""

    exchange: str
    routing_key: str = ""
    arguments: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue."""

    name: str
    arguments: Mapping[str, str | int]
    bindings: tuple[Binding, ...]


def name_of(queue: str) -> str:
    """Return RabbitMQ's name of a catalogue queue."""
    return _PREFIX + queue


def routing_key(event: Event) -> str:
    """Return the event's type; for `trial.created` followed by the target, and by the hash of runner labels if any."""
    return _launch_key(queue_of(event)) if isinstance(event, TrialCreated) else event.type


def catalogue_queues() -> tuple[str, ...]:
    """Return every catalogue queue whose name is known without runner labels."""
    launches = (launch_queue(target) for target in TargetKind if target != TargetKind.SIMULATED)
    return (*(it.queue for it in SUBSCRIPTIONS if it.queue != "trial-launch"), *launches)


def retry_queue(delay_seconds: float) -> tuple[int, Queue]:
    """Return the delay that there is, rounded up, and its queue; the longest where it is too long."""
    seconds = next((each for each in RETRY_SECONDS if each >= delay_seconds), RETRY_SECONDS[-1])
    arguments = {**_LIMITED, "x-message-ttl": seconds * 1_000, "x-dead-letter-exchange": ""}
    binding = Binding(RETRY, arguments={"x-match": "all", DELAY_HEADER: seconds})
    return seconds, Queue(f"{RETRY}.{seconds}s", arguments, (binding,))


@lru_cache(maxsize=1_000)
def queues_of(queue: str) -> tuple[Queue, ...]:
    """Return what stands behind a catalogue queue: its dead letters and itself. Raises KeyError."""
    name, bindings = name_of(queue), tuple(Binding(EVENTS, key) for key in _binding_keys(queue))
    if queue == EXTERNAL_QUEUE:
        bounds: Mapping[str, str | int] = {
            "x-queue-type": "quorum",
            "x-overflow": "drop-head",
            "x-max-length": EXTERNAL_COUNT,
        }
        return (Queue(name, bounds, bindings),)
    key = dead_key(queue)
    dead = {"x-dead-letter-exchange": DEAD, "x-dead-letter-routing-key": key}
    idle = {"x-expires": IDLE_MILLISECONDS} if is_selector_queue(queue) else {}
    work = Queue(name, {**_LIMITED, **dead, **idle, "x-delivery-limit": DELIVERY_LIMIT - 1}, bindings)
    return (Queue(f"{key}.dead", {"x-queue-type": "quorum"}, (Binding(DEAD, key),)), work)


def dead_key(queue: str) -> str:
    """Return what a catalogue queue's dead letters are routed by; those of selectors share one queue, which stays."""
    return name_of(launch_queue(TargetKind.PROCESS) if is_selector_queue(queue) else queue)


def _binding_keys(queue: str) -> tuple[str, ...]:
    if queue == EXTERNAL_QUEUE or queue.startswith(_LAUNCH):
        return (_launch_key(queue),)
    return BY_QUEUE[queue].event_types


def _launch_key(queue: str) -> str:
    """Return `kuttab.trial.created.v1.<target>[.<labels hash>]`."""
    route = "external" if queue == EXTERNAL_QUEUE else queue.removeprefix(_LAUNCH).replace("-", ".")
    return f"{TrialCreated.type}.{route}"
