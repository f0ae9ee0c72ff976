"""The search itself: what it needs is read under a lease, then the algorithm runs without any lock."""

from dataclasses import dataclass, replace
from statistics import median

from events.objective import ObjectiveType
from events.suggestion import Algorithm as AlgorithmSpec
from events.suggestion import SuggestionRequested
from functions.errors import KuttabError
from functions.experiment.measuring import Measures
from functions.experiment.model import Experiment
from functions.identity import derive_seed
from functions.limits import Limits
from functions.ports import Store
from functions.suggestion.algorithms import ALGORITHM_NAMES, AUTO, get_algorithm
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.foreign import SuggestionError, read_answer
from functions.suggestion.graph import space_of
from functions.suggestion.history import History, fill_rows, to_loss, unpack_row, unpack_rows
from functions.suggestion.history_cache import HistoryCache
from functions.suggestion.model import Suggestion
from functions.suggestion.priors import begin_history, is_still_known, losses_of, seeds_to_run
from functions.suggestion.search_space import SearchSpace
from functions.trial.model import TrialState

TIMED_TRIALS = 20
"""Newest Trials whose times are looked at: enough for a median, and one page of an index."""

UNSCORED = frozenset({"random", "grid", "sobol", "nsgaii", "nsgaiii"})
"""The algorithms that look at no result, or at every objective by itself."""

_FAILED = frozenset({TrialState.FAILED, TrialState.KILLED})


class SearchError(KuttabError):
    """The algorithm raised: its message is in the Experiment's status; mend the settings or the algorithm."""


class NoFeasiblePointError(KuttabError):
    """The constraints between parameters leave nothing, or so little that it was not found: loosen them."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to search for one Experiment, and what the algorithm is asked."""

    uid: str
    token: str
    seq: int
    algorithm: str
    request: Request


async def claim_search(
    event: SuggestionRequested, store: Store, histories: HistoryCache, limits: Limits
) -> Claim | None:
    """Take the lease and read what is new; None where nothing is to be done or another event searches."""
    experiment = await store.experiment(event.experiment, lock=True)
    suggestion = await store.suggestion(experiment.uid, lock=True) if experiment and experiment.free_slots else None
    if experiment is None or suggestion is None:
        return None
    at = await store.now()
    if suggestion.is_held_by_other(event.id, at=at):
        return None
    token = suggestion.claim(event.id, at=at, seconds=limits.search_lease_seconds)
    experiment.searching_until = suggestion.lease_until
    experiment.wake_at(suggestion.lease_until)
    request = await _prepare(experiment, suggestion, store, histories, limits)
    return Claim(experiment.uid, token, experiment.seq, suggestion.algorithm, request)


async def _prepare(
    experiment: Experiment, suggestion: Suggestion, store: Store, histories: HistoryCache, limits: Limits
) -> Request:
    """Read what the algorithm is asked; the same state of the Experiment always asks the same."""
    space = space_of(experiment.spec)
    pending = await store.pending_trials(experiment.uid)
    is_timed = suggestion.algorithm == AUTO
    algorithm = experiment.spec.algorithm or AlgorithmSpec()
    settings = {setting.name: setting.value for setting in algorithm.algorithm_settings}
    first_number = experiment.created_count + 1
    return Request(
        space=space,
        objective_type=_direction(experiment),
        settings=settings,
        history=await _load_history(experiment, store, space, histories),
        pending=[space.from_sparse(unpack_row(trial.vector)) for trial in pending],
        pending_numbers=[trial.number for trial in pending],
        pending_labels=[trial.labels for trial in pending],
        count=min(experiment.free_slots, limits.search_batch_count),
        seed=derive_seed(settings.get("random_state", experiment.uid), first_number),
        experiment_seed=derive_seed(settings.get("random_state", experiment.uid)),
        first_number=first_number,
        max_trial_count=experiment.spec.max_trial_count,
        state=suggestion.state,
        spec=experiment.spec,
        experiment=experiment.ref,
        evaluation_seconds=await _evaluation_seconds(experiment, store) if is_timed else None,
    )


async def _evaluation_seconds(experiment: Experiment, store: Store) -> float | None:
    seconds = await store.evaluation_seconds(experiment.uid, TIMED_TRIALS)
    return median(seconds) if seconds else None


def _direction(experiment: Experiment) -> ObjectiveType:
    return experiment.objective.type or ObjectiveType.MAXIMIZE


async def _load_history(experiment: Experiment, store: Store, space: SearchSpace, histories: HistoryCache) -> History:
    """Extend what this process remembers by what is newer: finish numbers are dense and in commit order."""
    others = (experiment.spec.objectives or ())[1:]
    known = histories.get(experiment.uid)
    if known is None or not await is_still_known(known, experiment, store, space):
        known = await begin_history(experiment, store, space)
    newer = await store.finished_since(experiment.uid, known.last_seq)
    if not newer:
        return known
    rows = unpack_rows([trial.vector for trial in newer])
    measures = [Measures.unpack(trial.measures) for trial in newer]
    return known.extend(
        fill_rows(rows, [axis.low for axis in space.axes]) if space.is_conditional else rows,
        [to_loss(trial.value, _direction(experiment)) for trial in newer],
        newer[-1].seq,
        numbers=[trial.number for trial in newer],
        is_failed=[trial.state in _FAILED for trial in newer],
        labels=[trial.labels for trial in newer],
        others=[losses_of(others, it) for it in measures] if others else None,
        violations=[it.violation for it in measures],
    )


def search(claim: Claim) -> Answer:
    """Ask the algorithm. Raises SearchError with what it raised: an algorithm may fail in any way."""
    try:
        if planted := _plant(claim.request):
            return planted
        request = scored(claim.request, claim.algorithm)
        answer = get_algorithm(claim.algorithm).suggest(request)
        is_ours = claim.algorithm in ALGORITHM_NAMES
        return _checked(request, _inside(request, answer) if is_ours else read_answer(request, answer))
    except Exception as error:
        message = f"algorithm {claim.algorithm}: {type(error).__name__}: {error}"
        raise SearchError(message) from error


def _plant(request: Request) -> Answer | None:
    """Return the points that the user wants tried, which are the first Trials; the algorithm is asked after them."""
    if request.first_number > len(request.spec.seed_trials or ()):
        return None
    rows = seeds_to_run(request.spec, request.space)[request.first_number - 1 :][: request.count]
    return Answer(tuple(map(Suggested, rows)), state=request.state) if rows else None


def _inside(request: Request, answer: Answer) -> Answer:
    """Return what an algorithm of ours answered. Raises SuggestionError for a value that no Trial may ever have."""
    for index, suggested in enumerate(answer.suggestions):
        for axis, value in zip(request.space.axes, suggested.row, strict=True):
            if not axis.low <= value <= axis.high:
                message = f"{value} does not lie between {axis.low:.15g} and {axis.high:.15g}"
                raise SuggestionError(f"suggestions[{index}]: parameter {axis.name}: {message}")
    return answer


def _checked(request: Request, answer: Answer) -> Answer:
    """Return the answer, unless there is nothing to search: an Experiment that never had a Trial did not succeed.

    Nor may nothing follow from it: without a Trial whose end would ask again the Experiment would wait for ever.
    """
    if answer.suggestions:
        return answer
    if answer.is_end and request.first_number == 1 and request.space.constraints:
        message = "no point was found that meets spec.parameterConstraints"
        raise NoFeasiblePointError(message)
    if not answer.is_end and not request.pending:
        message = "it suggested nothing, has not ended the search, and no Trial is active"
        raise SuggestionError(message)
    return answer


def scored(request: Request, algorithm: str) -> Request:
    """Return the request with one loss for each Trial where it has several objectives or breaks constraints.

    So every sampler can search; those that look at all objectives find them in the history as they are.
    """
    if request.history.is_plain or algorithm in UNSCORED:
        return request
    from functions.suggestion.algorithms.fronts import score

    return replace(request, history=replace(request.history, scores=score(request.history)))
