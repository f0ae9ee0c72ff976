"""What kubectl shows of an Experiment, a Trial and a Suggestion."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from events.objective import EarlyStoppingRule
from events.observation import MetricPoint
from events.reference import ExperimentRef
from events.resource import Condition
from events.search_space import ParameterAssignment
from events.trial import TargetKind
from functions.experiment import view as experiment_view
from functions.experiment.admission import read_experiment
from functions.experiment.model import Experiment
from functions.experiment.reasons import EndReason
from functions.suggestion import view as suggestion_view
from functions.suggestion.model import Suggestion
from functions.trial import view as trial_view
from functions.trial.model import StopReason, Trial, TrialState
from tests.builders import EPOCH, a_failed_attempt
from tests.data.manifests import a_manifest

CREATED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STARTED = CREATED + timedelta(minutes=1)
ENDED = CREATED + timedelta(minutes=9)

CREATED_CONDITION = ("Created", "True", "TrialCreated", "Trial is created", CREATED)
WAS_RUNNING = ("Running", "False", "TrialRunning", "Trial is running", ENDED)

ASSIGNMENTS = tuple(
    ParameterAssignment(name=name, value=value)
    for name, value in (("lr", "0.01"), ("layers", "3"), ("optimizer", "sgd"))
)


def an_experiment(edits: dict[str, object] | None = None) -> Experiment:
    resource = read_experiment(a_manifest(edits)).resource
    assert resource is not None
    ref = ExperimentRef(namespace="team-a", name="digits", uid="0192f0c0-0000-7000-8000-000000000001")
    experiment = Experiment.new(ref, resource.spec, created_at=CREATED)
    experiment.labels = {"team": "scribes"}
    return experiment


def a_trial(experiment: Experiment, number: int = 1) -> Trial:
    trial = Trial.new(experiment.ref, number, target=TargetKind.PROCESS, created_at=CREATED)
    trial.assignments = ASSIGNMENTS
    experiment.count_created(1)
    return trial


def move(experiment: Experiment, trial: Trial, state: TrialState) -> None:
    experiment.count_move(trial.state, state)
    trial.state = state
    if state == TrialState.RUNNING:
        trial.start("worker-1", at=STARTED)
    experiment.settle(at=STARTED)


def report(trial: Trial, *values: str, name: str = "accuracy") -> None:
    points = tuple(MetricPoint(position=i, name=name, value=value) for i, value in enumerate(values))
    trial.fold = trial.fold.add(points)


def conditions_of(conditions: tuple[Condition, ...]) -> list[tuple[str, str, str, str, datetime]]:
    assert all(c.last_update_time == c.last_transition_time for c in conditions)
    return [(c.type, c.status.value, c.reason, c.message, c.last_update_time) for c in conditions]


def test_a_new_experiment_shows_no_zeros() -> None:
    status = experiment_view.to_resource(an_experiment(), {}).to_manifest()["status"]

    assert status == {
        "startTime": "2026-03-01T12:00:00Z",
        "conditions": [
            {
                "type": "Created",
                "status": "True",
                "reason": "ExperimentCreated",
                "message": "Experiment is created",
                "lastUpdateTime": "2026-03-01T12:00:00Z",
                "lastTransitionTime": "2026-03-01T12:00:00Z",
            }
        ],
        "currentOptimalTrial": {"observation": {}},
    }


def test_times_are_printed_in_whole_seconds_and_kept_as_they_were() -> None:
    experiment = an_experiment()
    experiment.created_at = CREATED.replace(microsecond=999_999)
    experiment.end(EndReason.GOAL, at=ENDED.replace(microsecond=123_456))

    resource = experiment_view.to_resource(experiment, {})

    printed = json.dumps(resource.to_manifest())
    times = re.findall(r'"[a-zA-Z]*Time(?:stamp)?": "([^"]*)"', printed)
    assert len(times) == 7
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)
    assert '"creationTimestamp": "2026-03-01T12:00:00Z"' in printed
    assert resource.status is not None
    assert resource.status.conditions[-1].last_update_time.microsecond == 123_456


def test_an_experiment_shows_who_it_is_and_what_was_asked() -> None:
    experiment = an_experiment()
    experiment.annotations, experiment.version, experiment.deleted_at = {"note": "x"}, 12, ENDED
    experiment.generate_name = "dig"

    resource = experiment_view.to_resource(experiment, {})

    metadata = resource.metadata
    assert (resource.api_version, resource.kind) == ("kubeflow.org/v1beta1", "Experiment")
    assert (metadata.namespace, metadata.name, metadata.uid) == ("team-a", "digits", experiment.uid)
    assert metadata.generate_name == "dig"
    assert (metadata.labels, metadata.annotations) == ({"team": "scribes"}, {"note": "x"})
    assert (metadata.resource_version, metadata.creation_timestamp) == ("12", CREATED)
    assert metadata.deletion_timestamp == ENDED
    assert resource.spec == experiment.spec


def test_an_experiment_counts_and_names_its_trials_in_katibs_words() -> None:
    experiment = an_experiment({"spec.maxTrialCount": 99, "spec.maxFailedTrialCount": 50})
    names: dict[TrialState, list[str]] = {}
    for number, state in enumerate(TrialState, start=1):
        move(experiment, a_trial(experiment, number), state)
        names[state] = [f"digits-{state.lower()}"]

    status = experiment_view.to_resource(experiment, names).to_manifest()["status"]

    assert isinstance(status, dict)
    assert {name: value for name, value in status.items() if "rial" in name and name != "currentOptimalTrial"} == {
        "trials": 9,
        "trialsPending": 2,
        "trialsRunning": 2,
        "trialsSucceeded": 1,
        "trialsFailed": 1,
        "trialsKilled": 1,
        "trialsEarlyStopped": 1,
        "trialMetricsUnavailable": 1,
        "pendingTrialList": ["digits-pending", "digits-launching"],
        "runningTrialList": ["digits-running", "digits-settling"],
        "succeededTrialList": ["digits-succeeded"],
        "failedTrialList": ["digits-failed"],
        "killedTrialList": ["digits-killed"],
        "earlyStoppedTrialList": ["digits-earlystopped"],
        "metricsUnavailableTrialList": ["digits-metricsunavailable"],
    }


def test_an_experiment_that_reached_its_goal_shows_its_optimal_trial() -> None:
    experiment = an_experiment()
    trial = a_trial(experiment)
    move(experiment, trial, TrialState.RUNNING)
    report(trial, "0.5", "0.995")

    experiment.finish_trial(trial, TrialState.SUCCEEDED, at=ENDED)
    status = experiment_view.to_resource(experiment, {TrialState.SUCCEEDED: [trial.name]}).status

    assert status is not None
    assert [(c.type, c.status) for c in status.conditions] == [
        ("Created", "True"),
        ("Running", "False"),
        ("Succeeded", "True"),
    ]
    assert (status.start_time, status.completion_time) == (CREATED, ENDED)
    best = status.current_optimal_trial
    assert (best.best_trial_name, best.parameter_assignments) == (trial.name, ASSIGNMENTS)
    assert [(m.name, m.min, m.max, m.latest) for m in best.observation.metrics] == [
        ("accuracy", "0.5", "0.995", "0.995"),
        ("loss", "unavailable", "unavailable", "unavailable"),
    ]


def test_a_trial_shows_what_runs() -> None:
    experiment = an_experiment()
    trial = a_trial(experiment)
    trial.labels = {"generation": "2"}
    trial.rules = (EarlyStoppingRule(name="accuracy", value="0.3", comparison="less", start_step=4),)

    resource = trial_view.to_resource(trial, experiment)

    assert (resource.metadata.name, resource.metadata.namespace) == (trial.name, "team-a")
    assert resource.metadata.labels == {
        "team": "scribes",
        "katib.kubeflow.org/experiment": "digits",
        "generation": "2",
    }
    spec = resource.to_manifest()["spec"]
    assert isinstance(spec, dict)
    assert spec["parameterAssignments"] == [assignment.to_manifest() for assignment in ASSIGNMENTS]
    assert spec["earlyStoppingRules"] == [{"name": "accuracy", "value": "0.3", "comparison": "less", "startStep": 4}]
    assert spec["runSpec"]["spec"]["command"][2:] == ["--lr=0.01", "--layers=3", "--optimizer=sgd"]  # type: ignore[index, call-overload]
    assert spec["runSpec"]["metadata"]["name"] == trial.name  # type: ignore[index, call-overload]
    assert ("retainRun" in spec, spec["primaryContainerName"]) == (False, "training")
    assert resource.spec.objective == experiment.spec.objective
    assert resource.spec.metrics_collector == experiment.spec.metrics_collector_spec


def test_no_label_of_an_experiment_makes_its_trials_another_ones() -> None:
    experiment = an_experiment()
    experiment.labels = {"katib.kubeflow.org/experiment": "other"}
    trial = a_trial(experiment)
    trial.labels = dict(experiment.labels)

    labels = trial_view.to_resource(trial, experiment).metadata.labels

    assert labels == {"katib.kubeflow.org/experiment": "digits"}


@pytest.mark.parametrize(
    ("state", "running"),
    [
        (TrialState.PENDING, False),
        (TrialState.LAUNCHING, False),
        (TrialState.RUNNING, True),
        (TrialState.SETTLING, True),
    ],
)
def test_an_active_trial_is_running_once_its_worker_was_launched(state: TrialState, running: bool) -> None:
    experiment = an_experiment()
    trial = a_trial(experiment)
    trial.started_at, trial.state = (STARTED if running else None), state

    status = trial_view.to_resource(trial, experiment).status

    expected = [CREATED_CONDITION]
    if running:
        expected.append(("Running", "True", "TrialRunning", "Trial is running", STARTED))
    assert conditions_of(status.conditions) == expected
    assert (status.start_time, status.completion_time) == (trial.started_at, None)


def test_a_trial_that_waits_for_its_next_attempt_is_not_running() -> None:
    experiment = an_experiment()
    trial = a_trial(experiment)
    move(experiment, trial, TrialState.RUNNING)

    trial.relaunch(a_failed_attempt(trial), retry_at=EPOCH)

    assert conditions_of(trial_view.to_resource(trial, experiment).status.conditions) == [CREATED_CONDITION]


@pytest.mark.parametrize(
    ("state", "given", "reason", "message"),
    [
        ("Succeeded", ("", ""), "TrialSucceeded", "Trial has succeeded"),
        (
            "Succeeded",
            ("CompletionsReached", "done"),
            "TrialSucceeded. Job reason: CompletionsReached",
            "Trial has succeeded. Job message: done",
        ),
        ("Failed", ("", ""), "TrialFailed", "Trial has failed"),
        ("Failed", ("TrialFailed", "Trial has failed"), "TrialFailed", "Trial has failed"),
        (
            "Failed",
            ("OOMKilled", "out of memory"),
            "TrialFailed. Job reason: OOMKilled",
            "Trial has failed. Job message: out of memory",
        ),
        ("MetricsUnavailable", ("", ""), "MetricsUnavailable", "Metrics are not available"),
        (
            "MetricsUnavailable",
            ("MetricsUnavailable", "Metrics are not available: the log was read to 3 of 9"),
            "MetricsUnavailable",
            "Metrics are not available: the log was read to 3 of 9",
        ),
        ("EarlyStopped", ("", ""), "TrialEarlyStopped", "Trial is early stopped"),
        ("Killed", ("", ""), "TrialKilled", "Trial is killed"),
        ("Killed", ("ExperimentEnded", "Trial is killed"), "ExperimentEnded", "Trial is killed"),
    ],
)
def test_an_ended_trial_has_katibs_condition(state: str, given: tuple[str, str], reason: str, message: str) -> None:
    experiment = an_experiment()
    trial = a_trial(experiment)
    move(experiment, trial, TrialState.RUNNING)
    experiment.finish_trial(trial, TrialState(state), at=ENDED, reason=given[0], message=given[1])

    status = trial_view.to_resource(trial, experiment).status

    assert conditions_of(status.conditions) == [CREATED_CONDITION, WAS_RUNNING, (state, "True", reason, message, ENDED)]
    assert (status.start_time, status.completion_time) == (STARTED, ENDED)


def test_a_trial_that_ended_before_its_launch_never_ran() -> None:
    experiment = an_experiment()
    trial = a_trial(experiment)
    trial.ask_stop(StopReason.KILLED)
    experiment.finish_trial(trial, TrialState.KILLED, at=ENDED)

    status = trial_view.to_resource(trial, experiment).status

    assert [c.type for c in status.conditions] == ["Created", "Killed"]
    assert status.observation is None


def test_a_trial_shows_what_it_has_reported_also_where_it_failed() -> None:
    experiment = an_experiment()
    trial = a_trial(experiment)
    move(experiment, trial, TrialState.RUNNING)
    before = trial_view.to_resource(trial, experiment).status.observation
    report(trial, "0.4", "0.2")
    experiment.finish_trial(trial, TrialState.FAILED, at=ENDED)

    observation = trial_view.to_resource(trial, experiment).status.observation

    assert before is None
    assert observation is not None
    accuracy, loss = observation.metrics
    assert (accuracy.min, accuracy.max, accuracy.latest) == ("0.2", "0.4", "0.2")
    assert loss.latest == "unavailable"


def test_a_trial_without_metrics_says_so() -> None:
    experiment = an_experiment()
    trial = a_trial(experiment)
    experiment.finish_trial(trial, TrialState.METRICS_UNAVAILABLE, at=ENDED)

    observation = trial_view.to_resource(trial, experiment).status.observation

    assert observation is not None
    assert [metric.latest for metric in observation.metrics] == ["unavailable", "unavailable"]


def test_a_running_suggestion_shows_what_was_asked_and_answered() -> None:
    experiment = an_experiment()
    trial = a_trial(experiment)
    trial.labels = {"generation": "2"}
    suggestion = Suggestion(experiment.uid, algorithm="random", created_at=CREATED)
    suggestion.note_search(count=1, state=None)

    resource = suggestion_view.to_resource(suggestion, experiment, [trial])

    assert (resource.metadata.name, resource.metadata.namespace) == ("digits", "team-a")
    assert resource.metadata.uid not in {"", experiment.uid}
    assert resource.spec.algorithm.algorithm_name == "random"
    assert (resource.spec.requests, resource.status.suggestion_count) == (2, 1)
    assert resource.spec.resume_policy == "Never"
    assert [(each.name, each.labels) for each in resource.status.suggestions] == [(trial.name, {"generation": "2"})]
    assert resource.status.suggestions[0].parameter_assignments == ASSIGNMENTS
    assert conditions_of(resource.status.conditions) == [
        ("Created", "True", "SuggestionCreated", "Suggestion is created", CREATED),
        ("Running", "True", "SuggestionRunning", "Suggestion is running", CREATED),
    ]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("Never", "Suggestion is succeeded, can't be restarted"),
        ("FromVolume", "Suggestion is succeeded, suggestion volume is not deleted, can be restarted"),
    ],
)
def test_the_suggestion_of_an_ended_experiment_has_succeeded(policy: str, message: str) -> None:
    experiment = an_experiment({"spec.resumePolicy": policy})
    experiment.end(EndReason.MAX_TRIALS, at=ENDED)

    resource = suggestion_view.to_resource(
        Suggestion(experiment.uid, algorithm="random", created_at=CREATED), experiment
    )

    assert conditions_of(resource.status.conditions)[1:] == [
        ("Running", "False", "Suggestion is succeeded", "Suggestion is not running", ENDED),
        ("Succeeded", "True", "Experiment is succeeded", message, ENDED),
    ]
    assert resource.spec.requests == 0


def test_a_long_running_suggestion_outlives_the_experiment() -> None:
    experiment = an_experiment({"spec.resumePolicy": "LongRunning"})
    experiment.end(EndReason.MAX_TRIALS, at=ENDED)

    resource = suggestion_view.to_resource(
        Suggestion(experiment.uid, algorithm="random", created_at=CREATED), experiment
    )

    assert [(c.type, c.status) for c in resource.status.conditions] == [("Created", "True"), ("Running", "True")]


def test_a_suggestion_whose_algorithm_failed_says_why() -> None:
    experiment = an_experiment()
    suggestion = Suggestion(experiment.uid, algorithm="random", created_at=CREATED)
    suggestion.note_failure("ValueError: no points left")
    experiment.end(EndReason.FAILED, at=ENDED)

    resource = suggestion_view.to_resource(suggestion, experiment)

    assert conditions_of(resource.status.conditions)[1:] == [
        ("Failed", "True", "SuggestionFailed", "ValueError: no points left", ENDED)
    ]
