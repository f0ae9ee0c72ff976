"""CMA-ES over Trials that finish in any order: every call learns from what is new and draws what is wanted."""

import math
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import numpy as np

from events.resource import Manifest
from functions.suggestion.algorithms.cube import Cube
from functions.suggestion.algorithms.drawing import draw_value
from functions.suggestion.algorithms.evolution import INITIAL_SIGMA, Evolution
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.proposing import answer_by
from functions.suggestion.search_space import Row

GENERATION_LABEL = "cmaes.suggestion.kuttab.dev/generation"

MIN_WARM_TRIALS = 20
"""Finished Trials of another algorithm from which on a search begins where they were best."""

WARM_SHARE = 0.1
MIN_WARM_SIGMA = 0.02
"""The first deviation is that of the best tenth, within bounds: less would never leave their place."""


class _Sampler:
    """Draws from the distribution, and choices without an order at random; what is drawn does not change it."""

    def __init__(self, evolution: Evolution, cube: Cube, request: Request) -> None:
        self._optimizer = evolution.optimizer(request.seed)
        self._rng = Random(request.seed)
        self._cube = cube
        self._axes = request.space.axes

    def propose(self) -> Iterator[Row]:
        """Yield points for ever."""
        while True:
            row = self._cube.decode(self._cube.snap(self._optimizer.ask()[None])[0])
            pairs = zip(self._axes, row, strict=True)
            yield tuple(value if axis.is_ordered else draw_value(axis, self._rng) for axis, value in pairs)

    def add(self, row: Row) -> None:
        """Do nothing: the distribution learns from results alone."""


def evolve(request: Request) -> Answer:
    """Answer from the state that is kept, or begin."""
    cube = Cube(request.space, is_ordered_only=True)
    evolution = _learn(request, cube, _read(request, cube))
    answer = answer_by(request, _Sampler(evolution, cube, request))
    numbers = [request.first_number + index for index in range(len(answer.suggestions))]
    label = {GENERATION_LABEL: str(evolution.generation)}
    states: tuple[Manifest, ...] = tuple(
        evolution.ask_for(numbers[:accepted]).to_manifest() for accepted in range(len(numbers) + 1)
    )
    labelled = tuple(replace(suggested, labels=label) for suggested in answer.suggestions)
    return Answer(labelled, states=states, is_end=answer.is_end)


def _read(request: Request, cube: Cube) -> Evolution:
    if request.state is not None:
        return Evolution.from_manifest(request.state)
    population = int(request.settings["popsize"]) if "popsize" in request.settings else None
    sigma = float(request.settings.get("sigma") or 0) or INITIAL_SIGMA
    losses = request.history.values
    usable = np.flatnonzero(np.isfinite(losses))
    mean = np.full(cube.width, 0.5)
    if usable.size >= MIN_WARM_TRIALS:
        best = usable[np.argsort(losses[usable], kind="stable")[: math.ceil(WARM_SHARE * usable.size)]]
        points = cube.encode(request.history.rows[best])
        mean, sigma = points[0], float(np.clip(points.std(axis=0).mean(), MIN_WARM_SIGMA, INITIAL_SIGMA))
    return replace(Evolution.begin(mean, sigma, population), seen=len(request.history))


def _learn(request: Request, cube: Cube, evolution: Evolution) -> Evolution:
    """Count the Trials that have finished since the last answer, in the order of their finish."""
    history, strategy = request.history, request.settings.get("restart_strategy", "none")
    points = cube.encode(history.rows[evolution.seen :])
    numbers, losses = history.numbers[evolution.seen :].tolist(), history.values[evolution.seen :].tolist()
    for number, point, loss in zip(numbers, points, losses, strict=True):
        rng = np.random.default_rng([request.experiment_seed, number])
        evolution = evolution.learn(number, point, loss, strategy, rng)
    return replace(evolution, seen=len(history))
