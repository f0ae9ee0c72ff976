"""What an algorithm is asked, what it answers, and what it must promise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from events.experiment import ExperimentSpec
from events.objective import ObjectiveType
from events.reference import ExperimentRef
from events.resource import Manifest
from events.search_space import ParameterAssignment
from functions.suggestion.search_space import Problem, Row, SearchSpace

if TYPE_CHECKING:
    from functions.suggestion.history import History  # it loads numpy, which validation does not need


@dataclass(frozen=True, slots=True)
class Request:
    """An Experiment wants `count` more suggestions."""

    space: SearchSpace
    objective_type: ObjectiveType
    settings: Mapping[str, str]
    history: History
    """The finished Trials, as losses: an algorithm always minimizes."""
    pending: Sequence[Row]
    """The rows of the active Trials, oldest first."""
    count: int
    seed: int
    """All the chance there is: it comes from `random_state` or the uid, and from `first_number`."""
    first_number: int
    """The number of the first Trial that this answer will lead to; Trials count from 1."""
    max_trial_count: int | None
    state: Manifest | None
    """What the algorithm decided earlier, as its last answer gave it; None before its first answer."""
    experiment_seed: int = 0
    """Chance that stays the same for the whole search: it comes from `random_state` or the uid alone."""
    pending_numbers: Sequence[int] = ()
    """The numbers of the active Trials, as `pending` has their rows."""
    pending_labels: Sequence[Mapping[str, str]] = ()
    """The labels of the active Trials, as `pending` has their rows."""
    spec: ExperimentSpec = field(default_factory=ExperimentSpec)
    """All that was asked: budget, parallelism, the graph of an architecture search."""
    experiment: ExperimentRef | None = None
    """Whose search this is, for algorithms that name files or services after it."""
    evaluation_seconds: float | None = None
    """The median of what the newest Trials took, for `auto`; None where it was not measured."""

    @property
    def allow_duplicates(self) -> bool:
        """Whether a point may be suggested again: where an evaluation is noisy, a second one tells something."""
        return bool(self.spec.allow_duplicates)


@dataclass(frozen=True, slots=True)
class Suggested:
    """The point of one new Trial."""

    row: Row
    labels: Mapping[str, str] = field(default_factory=dict)
    assignments: tuple[ParameterAssignment, ...] | None = None
    """What the Trial gets where that is not the parameters' values: a network, written out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """At most `count` suggestions, and what to remember with the Trials that they lead to.

    Fewer Trials than suggestions may be created. `state` is for algorithms that do not care how many;
    `states` has one entry for each number of accepted suggestions, from none to all.
    """

    suggestions: tuple[Suggested, ...]
    state: Manifest | None = None
    states: tuple[Manifest, ...] = ()
    is_end: bool = False
    """Nothing will ever follow these suggestions."""
    note: str = ""
    """What the algorithm has to say to the user, such as what `auto` chose and why; shown in the status."""

    def state_after(self, accepted: int) -> Manifest | None:
        """Return what to remember when Trials were created from the first so many suggestions."""
        return self.states[accepted] if self.states else self.state

    def is_end_after(self, accepted: int) -> bool:
        """Tell whether nothing follows when Trials were created from the first so many suggestions."""
        return self.is_end and accepted == len(self.suggestions)


class Algorithm(Protocol):
    """A suggester. It keeps nothing between two calls: the same request has the same answer, in every process."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield every field that this algorithm cannot work with, as path and message, in Katib's wording.

        The parameters may be wrong in themselves: `validate_parameters` reports that, and this must not raise.
        """

    def suggest(self, request: Request) -> Answer:
        """Answer with new points of the space, fewer than asked where there are no more; never wait, never raise."""
