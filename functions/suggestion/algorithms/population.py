"""The generations of a population, as plain numbers: who is a member, who follows, and from whose checkpoint."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from random import Random

from pydantic import TypeAdapter

from events.resource import Manifest
from functions.identity import derive_seed
from functions.suggestion.algorithms.drawing import draw_free_row, draw_row
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.algorithms.perturbing import perturb_row
from functions.suggestion.algorithms.taken import Taken
from functions.suggestion.search_space import Row
from functions.trial.lineage import POPULATION


@dataclass(frozen=True)
class Child:
    """A Trial to come: its point, and the number of the Trial whose checkpoint it goes on from."""

    row: list[float]
    parent: int | None = None


@dataclass(frozen=True)
class Population:
    """One generation: the Trials it has, by number, and those that it still lacks."""

    generation: int = 0
    members: list[int] = field(default_factory=list)
    waiting: list[Child] = field(default_factory=list)

    def to_manifest(self) -> Manifest:
        """Write plain numbers."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Breeding:
    """The settings: how many, which share loses and wins, and how often a value is drawn again."""

    size: int
    truncation: float
    resample_probability: float


_POPULATION = TypeAdapter(Population)


def answer_population(request: Request, breeding: Breeding) -> Answer:
    """Give what the generation still lacks; the next one comes when every member has finished."""
    state = request.state
    population = _POPULATION.validate_python(state) if state else _first(request, breeding)
    results = _results(request)
    if not population.waiting and all(number in results for number in population.members):
        population = _next(request, breeding, population, results)
    given = population.waiting[: request.count]
    states = tuple(_after(population, request.first_number, count).to_manifest() for count in range(len(given) + 1))
    suggestions = tuple(
        Suggested(tuple(it.row), POPULATION.write(request.experiment, population.generation, parent=it.parent))
        for it in given
    )
    note = f"generation {population.generation} of {breeding.size} Trials"
    return Answer(suggestions, states=states, note=note)


def _after(population: Population, first_number: int, count: int) -> Population:
    """Return the population when so many of the waiting have become Trials."""
    members = [*population.members, *range(first_number, first_number + count)]
    return Population(population.generation, members, population.waiting[count:])


def _results(request: Request) -> Mapping[int, tuple[Row, float]]:
    """Return the point and the loss of every finished Trial by its number; NaN comes after every loss."""
    history = request.history
    losses = (math.inf if math.isnan(loss) else loss for loss in history.values.tolist())
    return dict(zip(history.numbers.tolist(), zip(map(tuple, history.rows.tolist()), losses, strict=True), strict=True))


def _first(request: Request, breeding: Breeding) -> Population:
    rng, taken = Random(derive_seed(request.experiment_seed, 0)), Taken(request)
    rows: list[list[float]] = []
    for _ in range(breeding.size):
        row = draw_free_row(request.space, rng, taken) or draw_row(request.space, rng)
        taken.add(row)
        rows.append(list(row))
    return Population(waiting=[Child(row) for row in rows])


def _next(
    request: Request, breeding: Breeding, population: Population, results: Mapping[int, tuple[Row, float]]
) -> Population:
    """Replace the losers by copies of winners, and let the others go on, each a step away from where it was.

    A Trial without a result has no checkpoint to trust: it always loses. Where no Trial has a result all begin anew.
    """
    ranked = sorted(population.members, key=lambda number: results[number][1])
    sound = [number for number in ranked if results[number][1] < math.inf]
    generation = population.generation + 1
    rng = Random(derive_seed(request.experiment_seed, generation))
    if not sound:
        return Population(generation, waiting=[Child(list(draw_row(request.space, rng))) for _ in ranked])
    share = int(len(ranked) * breeding.truncation)
    winners, losers = sound[: max(1, share)], {*ranked[len(ranked) - share :], *ranked[len(sound) :]} - {sound[0]}
    space, chance = request.space, breeding.resample_probability
    children = []
    for number in population.members:
        parent = rng.choice(winners) if number in losers else number
        row = request.space.snap(results[parent][0])
        moved = row if number in losers else perturb_row(space, row, chance, rng)
        children.append(Child(list(moved), parent))
    return Population(generation, waiting=children)
