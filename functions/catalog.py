"""The table of contents, in flow order: which event goes to which queue, and which function handles it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from events.envelope import Event
from events.trial import TargetKind, TrialCreated


@dataclass(frozen=True, slots=True)
class Subscription:
    """One queue: the events that it takes and the function that handles them."""

    queue: str
    event_types: tuple[str, ...]
    function: str
    """Dotted path of the module with `handle`; nothing is imported here."""
    is_grouped: bool
    """Store-only handlers run in grouped batches; the others have steps outside of transactions."""


SUBSCRIPTIONS = (
    Subscription("experiment-admit", ("kuttab.experiment.created.v1",), "functions.experiment.admit", is_grouped=True),
    Subscription(
        "suggestion-suggest", ("kuttab.suggestion.requested.v1",), "functions.suggestion.suggest", is_grouped=False
    ),
    Subscription("trial-launch", ("kuttab.trial.created.v1",), "functions.trial.launch", is_grouped=False),
    Subscription("trial-watch", ("kuttab.worker.changed.v1",), "functions.trial.watch", is_grouped=False),
    Subscription("observation-record", ("kuttab.metric.reported.v1",), "functions.observation.record", is_grouped=True),
    Subscription("trial-stop", ("kuttab.trial.stop_requested.v1",), "functions.trial.stop", is_grouped=False),
    Subscription("trial-settle", ("kuttab.trial.finished.v1",), "functions.trial.settle", is_grouped=True),
    Subscription("trial-delete", ("kuttab.trial.delete_requested.v1",), "functions.trial.delete", is_grouped=True),
    Subscription("experiment-edit", ("kuttab.experiment.edited.v1",), "functions.experiment.edit", is_grouped=True),
    Subscription(
        "experiment-stop", ("kuttab.experiment.stop_requested.v1",), "functions.experiment.stop", is_grouped=True
    ),
    Subscription(
        "experiment-delete", ("kuttab.experiment.delete_requested.v1",), "functions.experiment.delete", is_grouped=True
    ),
    Subscription(
        "experiment-conclude", ("kuttab.experiment.finished.v1",), "functions.experiment.conclude", is_grouped=False
    ),
    Subscription("clock-reconcile", ("kuttab.clock.ticked.v1",), "functions.clock.reconcile", is_grouped=False),
)

BY_QUEUE = {subscription.queue: subscription for subscription in SUBSCRIPTIONS}
_BY_TYPE = {kind: subscription for subscription in SUBSCRIPTIONS for kind in subscription.event_types}

CLIENT_TYPES = frozenset(
    {
        "kuttab.experiment.created.v1",
        "kuttab.experiment.edited.v1",
        "kuttab.experiment.stop_requested.v1",
        "kuttab.experiment.delete_requested.v1",
        "kuttab.trial.finished.v1",
        "kuttab.trial.delete_requested.v1",
        "kuttab.metric.reported.v1",
    }
)
"""What clients may publish themselves."""

_NEXT = ("kuttab.suggestion.requested.v1", "kuttab.experiment.finished.v1")
"""What an Experiment may need after anything that has changed it."""
_STOP, _LOOK = "kuttab.trial.stop_requested.v1", "kuttab.worker.changed.v1"
_LAUNCH, _END = "kuttab.trial.created.v1", "kuttab.trial.finished.v1"

ANNOUNCED_TYPES: Mapping[str, tuple[str, ...]] = {
    "experiment-admit": _NEXT,
    "suggestion-suggest": (_LAUNCH, _STOP, _LOOK, *_NEXT),
    "trial-launch": (_END, _STOP, _LOOK),
    "trial-watch": ("kuttab.metric.reported.v1", _END, _LOOK, *_NEXT),
    "observation-record": (_STOP, _LOOK, *_NEXT),
    "trial-stop": (_LOOK, *_NEXT),
    "trial-settle": (_LAUNCH, _STOP, _LOOK, *_NEXT),
    "trial-delete": (_STOP, _LOOK, *_NEXT),
    "experiment-edit": _NEXT,
    "experiment-stop": (_STOP, _LOOK, *_NEXT),
    "experiment-delete": (_STOP, _LOOK, *_NEXT),
    "experiment-conclude": (_STOP,),
    "clock-reconcile": (_LAUNCH, _STOP, _LOOK, _END, *_NEXT),
}
"""Queue → the types that its function may announce, all cases together: what it must be allowed to publish."""

LABEL_COUNT = 8
"""Labels of one host: it asks for the selectors in use among all that its labels satisfy, which double with each."""

_LAUNCH_PREFIX = "trial-launch-"
EXTERNAL_QUEUE = "trial-created-external"
"""Where External Trials wait for a client of their own; no function of ours reads it."""


def launch_queue(target: TargetKind, selector: Mapping[str, str] | None = None) -> str:
    """Return the queue of `trial.created` for this target; for process Workers one per `runnerSelector`."""
    if target == TargetKind.EXTERNAL:
        return EXTERNAL_QUEUE
    name = f"{_LAUNCH_PREFIX}{target}"
    if target == TargetKind.PROCESS and selector:
        text = json.dumps(dict(sorted(selector.items())))
        name += "-" + hashlib.sha256(text.encode()).hexdigest()[:12]
    return name


def queue_of(event: Event) -> str:
    """Return the queue that the event goes to."""
    if isinstance(event, TrialCreated):
        return launch_queue(event.target, event.runner_selector)
    return _BY_TYPE[event.type].queue


def announced_queues(queue: str) -> frozenset[str]:
    """Return the queues that the function of this queue publishes to; those of selectors are not among them."""
    launches = {launch_queue(target) for target in TargetKind if target != TargetKind.SIMULATED}
    others = {_BY_TYPE[kind].queue for kind in ANNOUNCED_TYPES[queue] if kind != TrialCreated.type}
    return frozenset(others | launches if TrialCreated.type in ANNOUNCED_TYPES[queue] else others)


def subscription_of(queue: str) -> Subscription | None:
    """Return the subscription of a queue; a launch queue belongs to `trial-launch`. None for a client's own."""
    if queue.startswith(_LAUNCH_PREFIX):
        return BY_QUEUE["trial-launch"]
    return BY_QUEUE.get(queue)


def launch_queues(targets: Iterable[TargetKind]) -> tuple[str, ...]:
    """Return the launch queues of these targets that everybody reads who has them: those without a selector."""
    return tuple(launch_queue(target) for target in targets if target != TargetKind.EXTERNAL)


def selector_queues(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the queue of every selector that these labels satisfy: at most LABEL_COUNT of them, or it takes long."""
    pairs = sorted(labels.items())
    subsets = (dict(some) for count in range(1, len(pairs) + 1) for some in combinations(pairs, count))
    return tuple(launch_queue(TargetKind.PROCESS, selector) for selector in subsets)


def is_selector_queue(queue: str) -> bool:
    """Tell whether this queue is of a selector: it is made when the selector is first used."""
    return queue.startswith(f"{launch_queue(TargetKind.PROCESS)}-")


def satisfies(labels: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    """Tell whether a host with these labels may run what asks for the selector: it has each of them, and maybe more."""
    return selector.items() <= labels.items()
