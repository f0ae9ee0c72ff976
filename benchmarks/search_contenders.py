"""Who searches: Kuttab's algorithms as its suggest function calls them, and peers through their own interfaces."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Protocol
from unittest.mock import patch

from benchmarks.search_katib import Katib, has_checkout, is_positive
from benchmarks.search_peers import Hyperopt, Optuna
from benchmarks.search_peers_fitted import SMAC, ScikitOptimize
from events.experiment import ExperimentSpec
from events.objective import ObjectiveType
from functions.identity import derive_seed
from functions.suggestion.algorithms import ALGORITHM_NAMES, get_algorithm
from functions.suggestion.algorithms.interface import Request
from functions.suggestion.history import History
from functions.suggestion.search_space import Row, SearchSpace


class Contender(Protocol):
    """Asked for points, told of results in the order in which they come; it numbers the points from 1."""

    def ask(self, count: int) -> list[Row]: ...

    def tell(self, number: int, loss: float) -> None: ...

    def fill(self, rows: Sequence[Row], losses: Sequence[float]) -> None:
        """Take these for what it has asked for so far, before the first `ask`. Raises NotImplementedError."""


class Kuttab:
    """An algorithm of ours: a request with all there is to know, each time; the state goes through JSON, as stored."""

    def __init__(
        self, name: str, space: SearchSpace, seed: int, spec: ExperimentSpec, *, is_bounded: bool = True
    ) -> None:
        self._algorithm, self._space, self._seed, self._spec = get_algorithm(name), space, seed, spec
        self._history, self._state = History.empty(len(space.axes)), None
        self._pending: dict[int, Row] = {}
        self._labels: dict[int, Mapping[str, str]] = {}
        self._created = 0
        self._bounds: Callable[[], AbstractContextManager[None]] = nullcontext if is_bounded else unbounded

    def ask(self, count: int) -> list[Row]:
        first = self._created + 1
        request = Request(
            space=self._space,
            objective_type=ObjectiveType.MINIMIZE,
            settings={},
            history=self._history,
            pending=list(self._pending.values()),
            pending_numbers=list(self._pending),
            pending_labels=[self._labels[number] for number in self._pending],
            count=count,
            seed=derive_seed(self._seed, first),
            experiment_seed=derive_seed(self._seed),
            first_number=first,
            max_trial_count=self._spec.max_trial_count,
            state=self._state,
            spec=self._spec,
        )
        with self._bounds():
            answer = self._algorithm.suggest(request)
        for suggested in answer.suggestions:
            self._created += 1
            self._pending[self._created], self._labels[self._created] = suggested.row, suggested.labels
        self._state = json.loads(json.dumps(answer.state_after(len(answer.suggestions))))
        return [suggested.row for suggested in answer.suggestions]

    def tell(self, number: int, loss: float) -> None:
        row, labels = self._pending.pop(number), self._labels.pop(number)
        seq = self._history.last_seq + 1
        self._history = self._history.extend([row], [loss], seq, numbers=[number], labels=[labels])

    def fill(self, rows: Sequence[Row], losses: Sequence[float]) -> None:
        self._created = len(rows)
        self._history = self._history.extend(rows, losses, len(rows))


UNBOUNDED_COUNT = 10**9


@contextmanager
def unbounded() -> Iterator[None]:
    """Let TPE and the Gaussian process look at all Trials: the newest, and the best of them, bound their cost."""
    bounds = ("parzen.MAX_ABOVE", "acquisition.MIN_POINTS", "acquisition.MAX_POINTS", "acquisition.MAX_FITTED_POINTS")
    bounds += ("acquisition.FITTED_COVARIANCES",)
    with ExitStack() as stack:
        for bound in bounds:
            stack.enter_context(patch(f"functions.suggestion.algorithms.{bound}", UNBOUNDED_COUNT))
        yield


Maker = Callable[[SearchSpace, int, ExperimentSpec], Contender]


@dataclass(frozen=True)
class Peer:
    """What makes a contender, the module that it needs, and the spaces that it can search."""

    module: str
    make: Maker
    is_there: Callable[[], bool] = lambda: True
    can_search: Callable[[SearchSpace], bool] = lambda _: True


def katib(module: str, service: str, algorithm: str, **knobs: Callable[[SearchSpace], bool]) -> Peer:
    return Peer(module, partial(Katib, service, algorithm), has_checkout, **knobs)


GROUP = partial(Optuna, "TPESampler", multivariate=True, group=True)
"""What Optuna's documentation advises for conditional spaces; on others it does what its default does."""

PEERS = {
    "optuna-tpe": Peer("optuna", partial(Optuna, "TPESampler")),
    "optuna-tpe-group": Peer("optuna", GROUP, can_search=lambda space: space.is_conditional),
    "optuna-cmaes": Peer("cmaes", partial(Optuna, "CmaEsSampler")),
    "optuna-gp": Peer("torch", partial(Optuna, "GPSampler")),
    "hyperopt": Peer("hyperopt", Hyperopt),
    "skopt": Peer("skopt", ScikitOptimize),
    "smac": Peer("smac", SMAC),
    "katib-tpe": katib("hyperopt", "hyperopt", "tpe"),
    "katib-optuna-tpe": katib("optuna", "optuna", "tpe"),
    "katib-cmaes": katib("cmaes", "optuna", "cmaes"),
    "katib-bayesianoptimization": katib("skopt", "skopt", "bayesianoptimization", can_search=is_positive),
}

UNBOUNDED = "-unbounded"
"""What is put after a name of ours to search without the bound that keeps its cost flat."""

OURS = ("auto", "multivariate-tpe", "tpe", "bayesianoptimization", "cmaes", "sobol", "random")


def get_maker(name: str) -> Maker:
    """Return what makes the contender of this name. Raises KeyError."""
    if name in PEERS:
        return PEERS[name].make
    plain = name.removesuffix(UNBOUNDED)
    if plain not in ALGORITHM_NAMES:
        raise KeyError(name)
    return partial(Kuttab, plain, is_bounded=plain == name)


def is_installed(name: str) -> bool:
    return name not in PEERS or (find_spec(PEERS[name].module) is not None and PEERS[name].is_there())


def can_search(name: str, space: SearchSpace) -> bool:
    return name not in PEERS or PEERS[name].can_search(space)
