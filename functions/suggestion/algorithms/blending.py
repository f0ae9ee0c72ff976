"""Models in turns: a Gaussian process three times, then TPE; each knows what the others have suggested."""

from collections.abc import Iterator

from functions.suggestion.algorithms.acquisition import GaussianProposer
from functions.suggestion.algorithms.blas import one_thread
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.algorithms.proposing import Proposer, answer_by
from functions.suggestion.algorithms.tpe import MULTIVARIATE_TPE, TPE
from functions.suggestion.search_space import Row


class Blend:
    """Asks the one whose turn it is by the number of the Trial."""

    def __init__(self, turns: tuple[Proposer, ...], first_number: int) -> None:
        self._turns = turns
        self._number = first_number

    def propose(self) -> Iterator[Row]:
        """Yield what that one proposes."""
        return self._turns[self._number % len(self._turns)].propose()

    def add(self, row: Row) -> None:
        """Tell every one."""
        self._number += 1
        for proposer in dict.fromkeys(self._turns):
            proposer.add(row)


class Elsewhere:
    """Asks the Gaussian process, and where nothing better comes any more, for points where the best is not."""

    def __init__(self, gaussian: GaussianProposer) -> None:
        self._gaussian = gaussian

    def propose(self) -> Iterator[Row]:
        """Yield what it proposes there."""
        return self._gaussian.propose(self._gaussian.find_elsewhere())

    def add(self, row: Row) -> None:
        """Do nothing: the Gaussian process is told by itself."""


def answer_blended(request: Request) -> Answer:
    """Suggest by all, or by the Gaussian process alone while TPE has too little.

    TPE copes with ties and ridges that a Gaussian process smoothes over: all axes together where they depend on each
    other, one by one where they do not, as in functions with many bottoms.
    """
    with one_thread():
        gaussian = GaussianProposer(request)
        together, apart = MULTIVARIATE_TPE.proposer(request), TPE.proposer(request)
        if together is None or apart is None:
            return answer_by(request, gaussian)
        often = (elsewhere := Elsewhere(gaussian), gaussian, elsewhere)
        return answer_by(request, Blend((together, *often, apart, *often), request.first_number))
