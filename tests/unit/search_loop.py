"""A whole search in a few lines: ask, evaluate, tell, with several Trials at a time."""

import json
import math
from collections.abc import Callable, Mapping
from random import Random

from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.search_space import Row, SearchSpace
from tests.unit.algorithm_requests import a_request


def search(
    name: str,
    space: SearchSpace,
    evaluate: Callable[[Row], float],
    *,
    budget: int,
    parallel: int = 1,
    settings: Mapping[str, str] | None = None,
) -> list[tuple[Row, float]]:
    """Return what was evaluated in the order of its finish; the state goes through JSON, as the store keeps it."""
    finished: list[tuple[Row, float]] = []
    numbers: list[int] = []
    pending: dict[int, Row] = {}
    state, created, rng = None, 0, Random(parallel)
    while len(finished) < budget:
        request = a_request(
            space,
            finished=finished,
            numbers=numbers,
            pending=list(pending.values()),
            count=min(parallel - len(pending), budget - created),
            seed=created,
            settings=settings,
            state=state,
        )
        answer = get_algorithm(name).suggest(request)
        pending |= {created + 1 + index: it.row for index, it in enumerate(answer.suggestions)}
        created += len(answer.suggestions)
        kept = json.dumps(answer.state_after(len(answer.suggestions)))
        state = json.loads(kept)
        number = rng.choice(list(pending))
        row = pending.pop(number)
        finished.append((row, evaluate(row)))
        numbers.append(number)
    return finished


def best_of(finished: list[tuple[Row, float]]) -> float:
    return min(loss for _, loss in finished if not math.isnan(loss))
