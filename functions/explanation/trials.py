"""What a Trial that has not ended waits for."""

from datetime import datetime

from events.trial import TargetKind
from functions.catalog import EXTERNAL_QUEUE
from functions.clock.trials import external_timeout
from functions.explanation.durations import render_duration
from functions.explanation.facts import Facts, SeenHost, Waiting
from functions.trial.model import Trial, TrialState


def explain_trial(trial: Trial, facts: Facts) -> Waiting:
    """Return what it waits for; a stop and a host's silence come before what it would wait for otherwise."""
    if trial.is_stopping and trial.state != TrialState.SETTLING:
        return _stopping(trial)
    match trial.state:
        case TrialState.PENDING:
            return _pending(trial, facts)
        case TrialState.LAUNCHING:
            return _launching(trial, facts)
        case TrialState.SETTLING:
            return _settling(trial, facts)
        case _:
            return _running(trial, facts)


def ago(since: datetime | None, facts: Facts) -> str:
    """Return how long ago that was, such as `3m20s`."""
    return render_duration((facts.now - since).total_seconds()) if since else "unknown"


def until(moment: datetime | None, facts: Facts) -> str:
    """Return how long it is until then."""
    return render_duration((moment - facts.now).total_seconds()) if moment else "unknown"


def host_of(trial: Trial, facts: Facts) -> SeenHost | None:
    """Return the host that holds the Trial's Worker, where a heartbeat tells of it."""
    return next((host for host in facts.hosts if host.name == trial.host), None)


def _stopping(trial: Trial) -> Waiting:
    asked = f"its Worker to end: it is being stopped ({trial.message or trial.stop_reason})"
    if trial.stop_sent_at is None:
        return Waiting(f"{asked}, and has not been told yet", None, f"host {trial.host or 'of the Worker'}")
    return Waiting(asked, trial.stop_sent_at, "the Worker, or the end of its grace")


def _pending(trial: Trial, facts: Facts) -> Waiting:
    if trial.is_waiting_to_retry(facts.now):
        last = trial.attempts[-1]
        what = f"attempt {trial.attempt} in {until(trial.retry_at, facts)}, after {last.failure_class}"
        return Waiting(what, last.ended_at, "the clock")
    since = trial.attempts[-1].ended_at if trial.attempts else trial.created_at
    if trial.target == TargetKind.EXTERNAL:
        return _external(trial, facts, since)
    if trial.target == TargetKind.PROCESS:
        return Waiting(*_waiting_for_runner(trial, facts, since))
    again = f", asked for again {trial.nudges} times" if trial.nudges else ""
    return Waiting(f"its launch on {trial.target}{again}", since, "the function trial-launch")


def _external(trial: Trial, facts: Facts, since: datetime | None) -> Waiting:
    deadline = trial.created_at + external_timeout(facts.experiment, facts.limits)
    what = f"a client of yours to answer, {until(deadline, facts)} at most"
    return Waiting(what, since, f"a client that reads {EXTERNAL_QUEUE}")


def _waiting_for_runner(trial: Trial, facts: Facts, since: datetime) -> tuple[str, datetime, str]:
    fitting = [host for host in facts.hosts if host.may_run(trial)]
    alive = [host for host in fitting if not host.is_silent(facts.now, facts.limits)]
    labels = ",".join(f"{key}={value}" for key, value in sorted(trial.runner_selector.items()))
    named = f"a runner with the labels {labels}" if labels else "a runner"
    start = f"kuttab runner --labels {labels}" if labels else "kuttab runner"
    if not fitting:
        return f"{named}: there is none", since, f"`{start}` on a host"
    if not alive:
        last = max(fitting, key=lambda host: host.beat_at)
        what = f"{named}: {last.name} was the last, and has been silent for {ago(last.beat_at, facts)}"
        return what, last.beat_at, f"`{start}` on a host"
    if all(host.busy >= host.slots for host in alive):
        slots = sum(host.slots for host in alive)
        return f"a free slot: all {slots} of {len(alive)} runner(s) are taken", since, "a Worker that ends; --slots"
    again = f", announced again {trial.nudges} times" if trial.nudges else ""
    return f"its launch: a runner has a free slot{again}", since, f"runner {alive[0].name}"


def _launching(trial: Trial, facts: Facts) -> Waiting:
    again = f", asked for again {trial.nudges} times" if trial.nudges else ""
    what = f"its launch by {trial.host}, attempt {trial.attempt}{again}"
    return Waiting(what, None, _silence(trial, facts) or f"host {trial.host}")


def _silence(trial: Trial, facts: Facts) -> str:
    """Return what is said of a process Worker's host that has not been heard of, or nothing."""
    host = host_of(trial, facts)
    if trial.target != TargetKind.PROCESS or host is None or not host.is_silent(facts.now, facts.limits):
        return ""
    return f"host {host.name}, silent for {ago(host.beat_at, facts)}: it comes back, or the Trial is launched elsewhere"


def _running(trial: Trial, facts: Facts) -> Waiting:
    if trial.target == TargetKind.EXTERNAL:
        return _external(trial, facts, trial.started_at)
    if trial.missing_since:
        what = f"its Worker, which {trial.target} does not know any more"
        return Waiting(what, trial.missing_since, "the next look: then it is launched again")
    reported = _last_report(trial, facts)
    return Waiting(f"its Worker to end, {reported}", trial.started_at, _silence(trial, facts) or "the Worker")


def _last_report(trial: Trial, facts: Facts) -> str:
    name = facts.experiment.objective.objective_metric_name
    metric = trial.fold.metrics.get(name)
    return f"last {name}={metric.latest}" if metric else f"no {name} yet"


def _settling(trial: Trial, facts: Facts) -> Waiting:
    outcome = trial.outcome
    end = outcome.log_end if outcome else None
    what = f"the rest of its metrics: {trial.cursor} of {end} read" if end is not None else "metrics that are pushed"
    closes = f"closed in {until(trial.settle_until, facts)} with what is there"
    return Waiting(f"{what}; {closes}", outcome.ended_at if outcome else None, "the metrics, or the clock")
