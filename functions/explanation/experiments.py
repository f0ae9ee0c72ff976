"""Why an Experiment is where it is, in one paragraph: where it stands, what it waits for, what would move it."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from functions.experiment.model import Experiment
from functions.experiment.reasons import EndReason
from functions.explanation.facts import Explanation, Facts, Waiting
from functions.explanation.trials import ago, explain_trial, until
from functions.trial.failure import max_retries
from functions.trial.model import Trial

EVENT_COUNT = 8
ERROR_COUNT = 5
_OVERDUE = timedelta(seconds=120)
"""A row that is due for so long was looked at by nobody: a deployment's clock ticks at least once a minute."""


def explain_experiment(facts: Facts) -> Explanation:
    """Return the paragraph, the active Trials with what each waits for, the last events and the last errors."""
    waiting = [(trial, explain_trial(trial, facts)) for trial in facts.active]
    sentences = [*_trouble(facts), *_place(facts, waiting)]
    return Explanation(
        paragraph=" ".join(sentences),
        trials=waiting,
        events=sorted(_events(facts), reverse=True)[:EVENT_COUNT],
        errors=sorted(_errors(facts), reverse=True)[:ERROR_COUNT],
    )


def _trouble(facts: Facts) -> Iterator[str]:
    """Yield what keeps everything from going on."""
    it = facts.experiment
    is_open = not it.is_completed or it.deleted_at or it.active_count
    if not is_open:
        return
    if facts.trouble:
        yield facts.trouble
    all_due = [it.due_at, *(trial.due_at for trial in facts.active)]
    due = [at for at in all_due if at and facts.now - at > _OVERDUE]
    if due and not facts.trouble:
        yield f"What was due {ago(min(due), facts)} ago has not been looked at: no clock ticks (`kuttab clock`)."


def _place(facts: Facts, waiting: list[tuple[Trial, Waiting]]) -> Iterator[str]:
    it = facts.experiment
    if it.deleted_at:
        yield f"{it.name} was deleted {ago(it.deleted_at, facts)} ago."
        left = f"{it.active_count} Trial(s) are being stopped" if it.active_count else "Its Workers are being removed"
        yield f"{left}; its rows go when the last Worker is gone."
    elif it.is_completed:
        yield from _ended(facts)
    else:
        yield f"{it.name} has run for {ago(it.restarted_at or it.created_at, facts)}: {_progress(it)}."
        yield from _search(facts)
        yield from _slots(it, waiting)
        yield from _budgets(facts)


def _progress(experiment: Experiment) -> str:
    most = experiment.spec.max_trial_count
    done = f"{experiment.completed_count} of {most}" if most is not None else f"{experiment.completed_count}"
    return f"{done} Trials have ended, {experiment.active_count} are active"


def _ended(facts: Facts) -> Iterator[str]:
    it = facts.experiment
    condition = next((each for each in reversed(it.conditions) if each.type == it.phase), None)
    reason, message = (condition.reason, condition.message) if condition else ("", "")
    if reason == EndReason.INVALID:
        errors = it.error.splitlines()
        yield f"{it.name} was refused {ago(it.completed_at, facts)} ago, with {len(errors)} error(s): {errors[0]}."
        yield "Mend the file, delete this Experiment and create it again."
        return
    yield f"{it.name} ended {ago(it.completed_at, facts)} ago as {it.phase} ({reason}): {message}."
    if it.active_count:
        is_stopping = it.spec.on_complete == "stop" or it.is_stopped
        becomes = "are being stopped" if is_stopping else "run on, as onComplete is drain"
        yield f"{it.active_count} Trial(s) {becomes}; their results still count."
    if it.notified_completion < it.completion:
        yield "Not everybody who wants to hear of it has been told yet."
    if it.is_restartable:
        yield f"A larger maxTrialCount starts it again: `kuttab scale experiment {it.name} --max-trials N`."
    else:
        yield f"It cannot be started again ({_why_final(it, reason)})."


def _why_final(experiment: Experiment, reason: str) -> str:
    is_by_count = reason == EndReason.MAX_TRIALS
    return (
        f"resumePolicy is {experiment.spec.resume_policy}"
        if is_by_count
        else "only one that ended by its maxTrialCount can be"
    )


def _search(facts: Facts) -> Iterator[str]:
    it, suggestion = facts.experiment, facts.suggestion
    if it.is_search_ended:
        yield "The search has reached its end: no Trial is created any more."
        return
    if not it.free_slots:
        return
    slots = f"{it.free_slots} slot(s) are free"
    if suggestion and suggestion.failures:
        count = f"{suggestion.failures} of {facts.limits.search_failure_limit} times"
        yield f"{slots}, and the search has failed {count}: {suggestion.error}. It is tried again by itself."
    elif it.is_searching(facts.now):
        name = suggestion.algorithm if suggestion else "the algorithm"
        yield f"{slots}, and {name} is searching; its lease ends in {until(it.searching_until, facts)}."
    else:
        asked = f", asked for {it.nudges} times in vain" if it.nudges else ""
        yield f"{slots}, and it waits for suggestions{asked}: the function suggestion-suggest answers."


def _slots(experiment: Experiment, waiting: list[tuple[Trial, Waiting]]) -> Iterator[str]:
    """Yield what the Trials wait for, the commonest first, each kind once."""
    if waiting and not experiment.free_slots and not experiment.is_search_ended:
        left = experiment.spec.max_trial_count
        is_spent = left is not None and experiment.created_count >= left
        yield "Its last Trials are active." if is_spent else f"All {len(waiting)} slot(s) are taken."
    if hidden := experiment.active_count - len(waiting):
        yield f"{hidden} deleted Trial(s) are still being stopped, and take a slot each."
    kinds = Counter(word.what.split(",")[0] for _, word in waiting)
    for what, count in kinds.most_common(3):
        word = next(each for _, each in waiting if each.what.split(",")[0] == what)
        who = f"Trial {waiting[0][0].name} waits" if len(waiting) == 1 else f"{count} wait"
        yield f"{who} for {word.what if count == 1 else what}; {word.moved_by} moves it."


def _budgets(facts: Facts) -> Iterator[str]:
    it, spec = facts.experiment, facts.experiment.spec
    if it.deadline:
        yield f"Its time (maxDurationSeconds) is over in {until(it.deadline, facts)}."
    if spec.max_trials_without_improvement is not None and it.stale_count:
        yield f"{it.stale_count} of {spec.max_trials_without_improvement} results in a row were no better."
    bad = it.failed + it.metrics_unavailable
    if spec.max_failed_trial_count is not None and bad:
        yield f"{bad} Trial(s) have failed; {spec.max_failed_trial_count} fail it (maxFailedTrialCount)."


def _events(facts: Facts) -> Iterator[tuple[datetime, str]]:
    it = facts.experiment
    for condition in it.conditions:
        yield (
            condition.last_transition_time,
            f"{condition.type} {condition.status}: {condition.reason}",
        )
    for trial in (*facts.active, *facts.ended):
        yield trial.created_at, f"Trial {trial.name} was created"
        if trial.started_at:
            yield trial.started_at, f"Trial {trial.name}: attempt {trial.attempt} was launched"
        for past in trial.attempts:
            yield past.ended_at, f"Trial {trial.name}: attempt {past.attempt} ended, {past.failure_class}"
        if trial.completed_at:
            yield trial.completed_at, f"Trial {trial.name} ended: {trial.reason}"


def _errors(facts: Facts) -> Iterator[tuple[datetime, str]]:
    it = facts.experiment
    if facts.suggestion and facts.suggestion.error:
        yield facts.now, f"search: {facts.suggestion.error}"
    if it.error:
        yield from ((it.completed_at or it.created_at, line) for line in it.error.splitlines())
    retries = max_retries(it, facts.limits)
    for trial in (*facts.active, *facts.ended):
        for past in trial.attempts:
            tried = f"attempt {past.attempt} of {retries + 1}"
            yield past.ended_at, f"{trial.name}, {tried}: {past.failure_class}: {past.message or past.reason}"
        if trial.failure and trial.completed_at:
            yield trial.completed_at, f"{trial.name}: {trial.failure}: {trial.message or trial.reason}"
