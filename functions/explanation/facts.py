"""What an explanation is made of: rows as one look at the store saw them, and what is said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from functions.catalog import satisfies
from functions.experiment.model import Experiment
from functions.limits import Limits
from functions.suggestion.model import Suggestion
from functions.trial.model import Trial


@dataclass(frozen=True, slots=True)
class SeenHost:
    """A host's last heartbeat."""

    name: str
    slots: int
    busy: int
    labels: Mapping[str, str]
    beat_at: datetime
    is_lost: bool = False

    def is_silent(self, at: datetime, limits: Limits) -> bool:
        """Tell whether it has not been heard of for too long."""
        return self.is_lost or at - self.beat_at > timedelta(seconds=limits.host_silence_seconds)

    def may_run(self, trial: Trial) -> bool:
        """Tell whether its labels satisfy the Trial's selector: then it reads the queue that the Trial waits in."""
        return satisfies(self.labels, trial.runner_selector)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that an explanation of one Experiment looks at."""

    experiment: Experiment
    now: datetime
    suggestion: Suggestion | None = None
    active: Sequence[Trial] = ()
    ended: Sequence[Trial] = ()
    """The Trials that ended last, newest first; a few."""
    hosts: Sequence[SeenHost] = ()
    limits: Limits = field(default_factory=Limits)
    trouble: str = ""
    """What keeps everything from going on, as far as whoever looks can tell: no runner at work, a broker away."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one thing waits for, since when, and what moves it."""

    what: str
    since: datetime | None
    moved_by: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One paragraph, and what stands in its tables."""

    paragraph: str
    trials: Sequence[tuple[Trial, Waiting]] = ()
    events: Sequence[tuple[datetime, str]] = ()
    """Newest first."""
    errors: Sequence[tuple[datetime, str]] = ()
