"""What a search's answer becomes: Trials, created under the lock and fenced by the claim's token."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from events.envelope import Event
from events.objective import EarlyStoppingRule
from events.suggestion import SuggestionRequested
from functions.catalog import launch_queue
from functions.errors import Retry
from functions.experiment.announcements import announcements, schedule, trial_announcements
from functions.experiment.model import Experiment
from functions.experiment.reasons import EndReason
from functions.limits import Limits
from functions.observation.early_stopping import build_stopper
from functions.ports import Ledger, Store, Stores
from functions.suggestion.algorithms.interface import Answer, Suggested
from functions.suggestion.history import pack_row
from functions.suggestion.model import Suggestion
from functions.suggestion.search_space import SearchSpace
from functions.suggestion.searching import Claim, SearchError
from functions.trial.model import Trial, TrialState
from functions.trial.template import target_of


async def apply_answer(
    event: SuggestionRequested, claim: Claim, answer: Answer, stores: Stores, limits: Limits
) -> list[Event]:
    """Create as many Trials as there is room for now, and release the lease; a lost lease discards the answer."""
    async with stores.begin() as store:
        held = await _lock(event, claim, store)
        if held is None:
            return await _own(event, store)
        experiment, suggestion = held
        at = await store.now()
        experiment.settle(at=at)
        accepted = answer.suggestions[: experiment.free_slots]
        trials = await _create(event, experiment, accepted, space=claim.request.space, store=store, limits=limits)
        experiment.count_created(len(trials))
        suggestion.note_search(count=len(trials), state=answer.state_after(len(trials)), note=answer.note)
        suggestion.release()
        experiment.searching_until = None
        experiment.is_search_ended = experiment.is_search_ended or answer.is_end_after(len(trials))
        experiment.settle(at=at)
        schedule(experiment, limits, at=at)
        follow = await _own(event, store, created=trials)
        is_worth_asking = trials or experiment.seq > claim.seq or experiment.is_completed
        return [*follow, *(announcements(experiment, cause=event, at=at) if is_worth_asking else [])]


async def apply_failure(
    event: SuggestionRequested, claim: Claim, error: SearchError, stores: Stores, limits: Limits
) -> list[Event]:
    """Count the failure: the same event tries again later, the last one fails the Experiment.

    Raises Retry as long as the algorithm may try again.
    """
    async with stores.begin() as store:
        held = await _lock(event, claim, store)
        if held is None:
            return await _own(event, store)
        experiment, suggestion = held
        at = await store.now()
        suggestion.note_failure(str(error))
        suggestion.release()
        experiment.searching_until = None
        is_wanted = not experiment.is_completed and not experiment.deleted_at
        is_last = suggestion.failures >= limits.search_failure_limit and is_wanted
        if is_last:
            experiment.end(EndReason.FAILED, at=at, message=f"Suggestion has failed: {suggestion.error}")
        schedule(experiment, limits, at=at)
    if not is_last:
        raise Retry(str(error), delay_seconds=2.0 ** (suggestion.failures - 1))
    return announcements(experiment, cause=event, at=at)


async def announce_own(event: SuggestionRequested, store: Store) -> list[Event]:
    """Announce again what an earlier handling of this event created."""
    experiment = await store.experiment(event.experiment)
    follow = await _own(event, store)
    is_over = experiment is not None and (experiment.is_completed or experiment.deleted_at)
    if experiment is None or not is_over:
        return follow
    return [*follow, *announcements(experiment, cause=event, at=await store.now())]


async def _own(event: SuggestionRequested, store: Store, *, created: Sequence[Trial] = ()) -> list[Event]:
    """Return the announcements of the Trials that this event caused, now and before; other ones are reconcile's."""
    experiment = await store.experiment(event.experiment)
    if experiment is None:
        return []
    follow: list[Event] = []
    before = created[0].number if created else None
    for trial in [*await store.trials_caused_by(experiment.uid, event.id, before=before), *created]:
        if trial.state == TrialState.PENDING and trial.attempt == 1:
            follow += trial_announcements(experiment, trial, cause=event, at=await store.now())
    return follow


async def _lock(event: SuggestionRequested, claim: Claim, store: Store) -> tuple[Experiment, Suggestion] | None:
    """Lock both rows; None where the lease went to somebody else meanwhile."""
    experiment = await store.experiment(event.experiment, lock=True)
    suggestion = await store.suggestion(experiment.uid, lock=True) if experiment else None
    if experiment is None or suggestion is None or suggestion.lease_token != claim.token:
        return None
    return experiment, suggestion


async def _create(
    event: SuggestionRequested,
    experiment: Experiment,
    accepted: tuple[Suggested, ...],
    *,
    space: SearchSpace,
    store: Ledger,
    limits: Limits,
) -> list[Trial]:
    at = await store.now()
    spec = experiment.spec
    rules: tuple[EarlyStoppingRule, ...] = ()
    if spec.early_stopping and accepted:
        rules = await build_stopper(spec.early_stopping).rules(experiment, store)
    trials = []
    for offset, suggested in enumerate(accepted, start=1):
        trial = _new_trial(experiment, experiment.created_count + offset, at)
        written = suggested.assignments
        trial.assignments = space.to_assignments(suggested.row) if written is None else written
        trial.vector = pack_row(space.to_sparse(suggested.row))
        trial.labels = {**experiment.labels, **suggested.labels}
        trial.rules = rules
        trial.caused_by = event.id
        trial.due_at = at + timedelta(seconds=limits.nudge_base_seconds)
        trials.append(trial)
    await store.add_trials(trials)
    if trials and trials[0].runner_selector:
        await store.note_launch_queue(launch_queue(trials[0].target, trials[0].runner_selector))
    return trials


def _new_trial(experiment: Experiment, number: int, at: datetime) -> Trial:
    template = experiment.spec.trial_template
    manifest = template.manifest if template and template.manifest else {}
    trial = Trial.new(experiment.ref, number, target=target_of(manifest, experiment.target), created_at=at)
    spec = manifest.get("spec")
    selector = spec.get("runnerSelector") if isinstance(spec, dict) else None
    trial.runner_selector = {str(k): str(v) for k, v in selector.items()} if isinstance(selector, dict) else {}
    return trial
