"""A manifest becomes a request that SubmitJob takes, or one clear message."""

from typing import Any

import pytest

from events.objective import Collector, CollectorKind, MetricsCollectorSpec
from events.reference import ExperimentRef, TrialRef
from functions.observation.tokens import Tokens
from functions.worker import LaunchRefusedError, Worker
from infra.target.batch_request import build_request
from infra.target.worker_environment import PushAccess

AT = "spec.trialTemplate.trialSpec.spec"


def a_job_worker(kind: CollectorKind = CollectorKind.STDOUT, **spec: Any) -> Worker:
    whole = {"jobQueue": "training", "jobDefinition": "digits:3", **spec}
    return Worker(
        experiment=ExperimentRef(namespace="labs", name="digits", uid="e-uid"),
        trial=TrialRef(name="digits-b2cd4f6h", uid="t-uid", number=7),
        attempt=2,
        manifest={"apiVersion": "batch.amazonaws.com/v1", "kind": "Job", "spec": whole},
        collector=MetricsCollectorSpec(collector=Collector(kind=kind)),
    )


def request_of(worker: Worker, push: PushAccess | None = None) -> dict[str, Any]:
    return build_request(worker, push or PushAccess()).parameters


def variables(entries: list[dict[str, str]]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in entries}


def test_a_job_bears_name_tags_and_environment_of_its_attempt() -> None:
    request = request_of(a_job_worker(tags={"team": "vision"}))

    assert request["jobName"] == "digits-b2cd4f6h-t-uid-2"
    assert request["tags"]["team"] == "vision"
    assert request["tags"]["KUTTAB_TRIAL_UID"] == "t-uid"
    environment = variables(request["containerOverrides"]["environment"])
    assert environment["KATIB_TRIAL_NAME"] == "digits-b2cd4f6h"
    assert (environment["KUTTAB_ATTEMPT"], environment["KUTTAB_EXPERIMENT_UID"]) == ("2", "e-uid")


def test_the_manifests_own_variables_win() -> None:
    given = [{"name": "KATIB_TRIAL_NAME", "value": "mine"}, {"name": "LR", "value": 0.1}]

    request = request_of(a_job_worker(containerOverrides={"environment": given}))

    found = request["containerOverrides"]["environment"]
    assert found[:2] == [{"name": "KATIB_TRIAL_NAME", "value": "mine"}, {"name": "LR", "value": "0.1"}]
    assert sum(entry["name"] == "KATIB_TRIAL_NAME" for entry in found) == 1


def test_containers_of_tasks_and_pods_get_the_environment_where_they_have_theirs() -> None:
    tasks = {"taskProperties": [{"containers": [{"name": "main", "command": ["true"]}, {"name": "side"}]}]}
    pods = {"podProperties": {"containers": [{"name": "main"}]}}

    ecs = request_of(a_job_worker(ecsPropertiesOverride=tasks))
    eks = request_of(a_job_worker(eksPropertiesOverride=pods))

    main, side = ecs["ecsPropertiesOverride"]["taskProperties"][0]["containers"]
    assert variables(main["environment"])["KUTTAB_TRIAL_UID"] == variables(side["environment"])["KUTTAB_TRIAL_UID"]
    assert main["command"] == ["true"]
    pod = eks["eksPropertiesOverride"]["podProperties"]["containers"][0]
    assert variables(pod["env"])["KUTTAB_TRIAL_UID"] == "t-uid"
    assert "containerOverrides" not in ecs
    assert "containerOverrides" not in eks


def test_a_placeholders_text_becomes_the_number_that_batch_wants() -> None:
    request = request_of(
        a_job_worker(
            timeout={"attemptDurationSeconds": "600"},
            retryStrategy={"attempts": "2"},
            propagateTags="true",
            parameters={"epochs": 5},
            schedulingPriorityOverride="10",
        )
    )

    assert request["timeout"] == {"attemptDurationSeconds": 600}
    assert request["retryStrategy"] == {"attempts": 2}
    assert request["propagateTags"] is True
    assert request["parameters"] == {"epochs": "5"}
    assert request["schedulingPriorityOverride"] == 10


def test_a_worker_that_pushes_is_told_where_but_its_tags_are_not() -> None:
    push = PushAccess("amqp://broker/", Tokens("secret"))

    request = request_of(a_job_worker(CollectorKind.PUSH), push)

    assert variables(request["containerOverrides"]["environment"])["KUTTAB_BROKER_URL"] == "amqp://broker/"
    assert "KUTTAB_TOKEN" in variables(request["containerOverrides"]["environment"])
    assert "KUTTAB_TOKEN" not in request["tags"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"jobQueue": ""}, f"{AT}.jobQueue: must be specified"),
        (
            {"arrayProperties": {"size": 3}},
            f"{AT}.arrayProperties: a Trial is one job: raise parallelTrialCount instead of submitting an array",
        ),
        ({"jobName": "mine"}, f"{AT}.jobName: must be omitted: the name is derived from the Trial"),
        ({"eksPropertiesOverride": {}}, f"{AT}.eksPropertiesOverride.podProperties: must be specified"),
        ({"timeout": {"attemptDurationSeconds": "soon"}}, "timeout.attemptDurationSeconds"),
        ({"containerOverrides": {"comand": ["x"]}}, 'Unknown parameter in containerOverrides: "comand"'),
        ({"queue": "x"}, f"{AT}.queue: is not a field of SubmitJob"),
    ],
)
def test_what_batch_would_not_take_is_refused_with_its_place(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(LaunchRefusedError) as refused:
        build_request(a_job_worker(**spec), PushAccess())

    assert message in refused.value.message
    assert refused.value.reason == "InvalidManifest"
    assert "\n" not in refused.value.message
