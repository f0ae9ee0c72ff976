"""Sobol's sequence: points that fill the space evenly, in any number, whatever the objectives say."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from random import Random
from typing import Final

from events.experiment import ExperimentSpec
from events.resource import Manifest
from functions.suggestion.algorithms.drawing import draw_free_row
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.algorithms.settings import RANDOM_STATE, Rule, validate_parameters_only, validate_settings
from functions.suggestion.algorithms.sobol_directions import DIRECTIONS
from functions.suggestion.algorithms.taken import Taken
from functions.suggestion.search_space import Problem, Row, SearchSpace
from functions.suggestion.unit import from_unit

BITS = 32
MAX_DIMENSIONS = len(DIRECTIONS.split()) + 1
MAX_SKIPS = 64
"""Points of the sequence passed over because they are taken; after that one of the free points is drawn."""

_WORDS: Final = ("true", "false")


def _to_flag(text: str) -> float:
    return _WORDS.index(text.lower())


_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "random_state": (RANDOM_STATE,),
    "scramble": (Rule(_to_flag, lambda _: True, "{name} should be true or false"),),
}


class Sobol:
    """Katib's `sobol`, scrambled by the seed unless `scramble` is false. It remembers how far it is, and its seed."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with the settings, and a space with more axes than the table has."""
        yield from validate_parameters_only(spec)
        yield from validate_settings(spec, settings, _RULES)
        if len(spec.parameters) > MAX_DIMENSIONS:
            yield "spec.parameters", f"sobol supports at most {MAX_DIMENSIONS} parameters"

    def suggest(self, request: Request) -> Answer:
        """Give the next points of the sequence that are not taken."""
        seed, start = _read(request.state, request.seed)
        is_scrambled = request.settings.get("scramble", "true").lower() == "true"
        taken, rows, ends = Taken(request), [], [start]
        for _ in range(request.count):
            row, end = _next_row(request, taken, seed if is_scrambled else None, ends[-1])
            if row is None:
                break
            taken.add(row)
            rows.append(row)
            ends.append(end)
        states: tuple[Manifest, ...] = tuple({"seed": seed, "next": end} for end in ends)
        return Answer(tuple(map(Suggested, rows)), states=states, is_end=taken.is_everything())


def _read(state: Manifest | None, seed: int) -> tuple[int, int]:
    """Return the seed of the scrambling and the index of the next point."""
    if state is None:
        return seed, 0
    kept, index = state["seed"], state["next"]
    assert isinstance(kept, int)
    assert isinstance(index, int)
    return kept, index


def _next_row(request: Request, taken: Taken, seed: int | None, start: int) -> tuple[Row | None, int]:
    """Return the first free point from this index on, and the index after it."""
    for index in range(start, start + MAX_SKIPS):
        row = sobol_row(request.space, index, seed)
        if not taken.has(row):
            return row, index + 1
    rng = Random(request.seed + start)
    return draw_free_row(request.space, rng, taken), start + MAX_SKIPS


def sobol_row(space: SearchSpace, index: int, seed: int | None) -> Row:
    """Return the index-th point of the sequence; without a seed it is not scrambled."""
    matrix, shifts = _directions(len(space.axes), seed)
    places = (index ^ index >> 1) & (2**BITS - 1)
    bits = [place for place in range(places.bit_length()) if places >> place & 1]
    row = []
    for axis, directions, shift in zip(space.axes, matrix, shifts, strict=True):
        word = shift
        for bit in bits:
            word ^= directions[bit]
        row.append(from_unit(axis, (word + (0.5 if seed is not None else 0.0)) / 2**BITS))
    return space.fill(tuple(row))


@lru_cache(64)
def _directions(count: int, seed: int | None) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Return the direction words of every dimension and where it starts.

    They are scrambled as by Matoušek: a random triangular matrix over the bits, then a random shift.
    """
    plain = [_expand(index) for index in range(count)]
    if seed is None:
        return tuple(plain), (0,) * count
    rng = Random(seed)
    shifts = tuple(rng.getrandbits(BITS) for _ in range(count))
    return tuple(_scramble(words, rng) for words in plain), shifts


def _scramble(words: tuple[int, ...], rng: Random) -> tuple[int, ...]:
    """Multiply by a lower triangular matrix with ones on its diagonal: what a bit becomes depends on higher ones."""
    tops = [1 << (BITS - 1 - row) for row in range(BITS)]
    rows = [top | (rng.getrandbits(BITS) & ~(2 * top - 1) & (2**BITS - 1)) for top in tops]
    return tuple(
        sum(top for top, row in zip(tops, rows, strict=True) if (row & word).bit_count() & 1) for word in words
    )


@lru_cache(MAX_DIMENSIONS)
def _expand(dimension: int) -> tuple[int, ...]:
    """Return the direction words of a dimension by the recurrence of its polynomial."""
    if dimension == 0:
        return tuple(1 << (BITS - 1 - bit) for bit in range(BITS))
    polynomial, _, numbers = DIRECTIONS.split()[dimension - 1].partition(":")
    inner, firsts = int(polynomial), [int(number) for number in numbers.split(",")]
    degree = len(firsts)
    words = [first << (BITS - 1 - bit) for bit, first in enumerate(firsts)]
    for bit in range(degree, BITS):
        word = words[bit - degree] ^ words[bit - degree] >> degree
        for place in range(1, degree):
            if inner >> (degree - 1 - place) & 1:
                word ^= words[bit - place]
        words.append(word)
    return tuple(words)


SOBOL = Sobol()
