"""CMA-ES over Trials that finish in any order: every call learns from what is new and draws what is wanted."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from random import Random

import numpy as np

from events.resource import Manifest
from functions.suggestion.algorithms.cube import Cube
from functions.suggestion.algorithms.drawing import draw_value
from functions.suggestion.algorithms.evolution import INITIAL_SIGMA, MAX_SPREAD, RESTARTING, Evolution
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.proposing import answer_by
from functions.suggestion.history import Floats
from functions.suggestion.search_space import Row

GENERATION_LABEL = "cmaes.suggestion.kuttab.dev/generation"

MIN_WARM_TRIALS = 20
"""Finished Trials of another algorithm from which on a search begins where they were best."""

PROPOSALS_PER_LEVEL = 10
CONSTRAINED = 10
"""Taken points, one after the other, after which it draws wider; as many times that where constraints refuse some."""

WIDENING = 8.0
"""How much wider: ten times from the narrowest distribution to the whole range."""

MAX_REDRAWS = 100
"""Points drawn at once for one that lies within the bounds, as many as the library draws one by one."""

WARM_SHARE = 0.1
MIN_WARM_SIGMA = 0.02
"""The first deviation is that of the best tenth, within bounds: less would never leave their place."""


class _Sampler:
    """Draws from the distribution, and choices without an order at random; what is drawn does not change it.

    Where all that it draws is taken, on a grid or between neighbouring doubles, it draws from a wider one.
    """

    def __init__(self, evolution: Evolution, cube: Cube, request: Request) -> None:
        self._cube = cube
        self._space = request.space
        self._mean = np.array(evolution.mean)
        self._deviations = evolution.deviations()
        self._widest = max(1.0, MAX_SPREAD / evolution.spread)
        self._rng, self._choices = np.random.default_rng(request.seed), Random(request.seed)
        self._level = 0
        self._per_level = PROPOSALS_PER_LEVEL * (CONSTRAINED if request.space.constraints else 1)
        self._last: Row | None = None
        self.is_own: list[bool] = []

    @property
    def is_exhausted(self) -> bool:
        """Whether the distribution itself had nothing free any more."""
        return self._level > 0

    def propose(self) -> Iterator[Row]:
        """Yield points for ever; what a batch has learnt of how wide to draw is kept."""
        for index in count():
            if index and index % self._per_level == 0:
                self._level += 1
            row = self._cube.decode(self._cube.snap(self._draw()[None])[0])
            pairs = zip(self._space.axes, row, strict=True)
            drawn = tuple(value if axis.is_ordered else draw_value(axis, self._choices) for axis, value in pairs)
            self._last = self._space.fill(drawn)
            yield drawn

    def add(self, row: Row) -> None:
        """Note whether this was drawn from the distribution: it learns from nothing else."""
        self.is_own.append(not self.is_exhausted and row == self._last)

    def _draw(self) -> Floats:
        """Return a point within the bounds; one that is moved there where too many lie outside."""
        wider = min(WIDENING**self._level, self._widest)
        points = self._mean + wider * self._rng.standard_normal((MAX_REDRAWS, len(self._mean))) @ self._deviations.T
        inside = np.flatnonzero(((points >= 0) & (points <= 1)).all(axis=1))
        drawn: Floats = points[inside[0]] if inside.size else np.clip(points[0], 0, 1)
        return drawn


def evolve(request: Request) -> Answer:
    """Answer from the state that is kept, or begin."""
    cube = Cube(request.space, is_ordered_only=True)
    strategy = request.settings.get("restart_strategy", "none")
    evolution = _learn(request, cube, _read(request, cube), strategy)
    sampler = _Sampler(evolution, cube, request)
    answer = answer_by(request, sampler)
    if sampler.is_exhausted and evolution.generation and strategy in RESTARTING:
        rng = np.random.default_rng([request.experiment_seed, request.first_number])
        evolution = evolution.restart(strategy, rng)
        sampler = _Sampler(evolution, cube, request)
        answer = answer_by(request, sampler)
    return _with_members(request, evolution, answer, sampler.is_own)


def _with_members(request: Request, evolution: Evolution, answer: Answer, is_own: Sequence[bool]) -> Answer:
    """Return the answer with what to remember: the Trials that the distribution has drawn are its generation."""
    own = [request.first_number + index for index, is_drawn in enumerate(is_own) if is_drawn]
    states: tuple[Manifest, ...] = tuple(
        evolution.ask_for([number for number in own if number < request.first_number + accepted]).to_manifest()
        for accepted in range(len(is_own) + 1)
    )
    label = {GENERATION_LABEL: str(evolution.generation)}
    pairs = zip(answer.suggestions, is_own, strict=True)
    labelled = tuple(replace(suggested, labels=label) if is_drawn else suggested for suggested, is_drawn in pairs)
    return Answer(labelled, states=states, is_end=answer.is_end)


def _read(request: Request, cube: Cube) -> Evolution:
    if request.state is not None:
        return Evolution.from_manifest(request.state).bounded()
    population = int(request.settings["popsize"]) if "popsize" in request.settings else None
    sigma = float(request.settings.get("sigma") or 0) or INITIAL_SIGMA
    losses = request.history.values
    usable = np.flatnonzero(np.isfinite(losses))
    mean = np.full(cube.width, 0.5)
    if usable.size >= MIN_WARM_TRIALS:
        best = usable[np.argsort(losses[usable], kind="stable")[: math.ceil(WARM_SHARE * usable.size)]]
        points = cube.encode(request.history.rows[best])
        mean, sigma = points[0], float(np.clip(points.std(axis=0).mean(), MIN_WARM_SIGMA, INITIAL_SIGMA))
    return Evolution.begin(mean, sigma, population).bounded()


def _learn(request: Request, cube: Cube, evolution: Evolution, strategy: str) -> Evolution:
    """Count the Trials of its generation that have finished since the last answer, in the order of their finish.

    They are known by their numbers: places in the history change where an earlier Experiment is deleted.
    """
    history = request.history
    news = np.flatnonzero(np.isin(history.numbers, list(evolution.members)))
    points = cube.encode(history.rows[news])
    numbers, losses = history.numbers[news].tolist(), history.values[news].tolist()
    for number, point, loss in zip(numbers, points, losses, strict=True):
        rng = np.random.default_rng([request.experiment_seed, number])
        evolution = evolution.learn(number, point, loss, strategy, rng)
    return evolution
