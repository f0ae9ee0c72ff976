"""The face's resources in Kubernetes' dialect: create, get, list, change, delete."""

from typing import Any

import pytest

from events.trial import TargetKind
from tests.fakes import House
from tests.unit.face_rig import BASE, EXPERIMENTS, PATCH, TABLE, TRIALS, Desk, a_manifest


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def test_a_created_experiment_is_there_at_once_and_its_search_is_announced(desk: Desk) -> None:
    status, created = await desk.ask("POST", EXPERIMENTS, a_manifest())

    found = await desk.get(f"{EXPERIMENTS}/digits")
    assert status == 201
    assert created == found
    assert found["metadata"]["uid"]
    assert found["spec"]["resumePolicy"] == "Never"
    assert [event.type for event in desk.published] == ["kuttab.suggestion.requested.v1"]


async def test_what_follows_a_creation_runs(desk: Desk) -> None:
    await desk.create()

    found = await desk.get(TRIALS)
    assert found["kind"] == "TrialList"
    assert [item["metadata"]["labels"]["katib.kubeflow.org/experiment"] for item in found["items"]] == ["digits"] * 2
    assert (await desk.get(f"{BASE}/suggestions"))["items"][0]["status"]["suggestionCount"] == 2


async def test_a_broker_that_is_away_loses_nothing(desk: Desk) -> None:
    desk.is_broken = True

    status, _ = await desk.ask("POST", EXPERIMENTS, a_manifest())

    assert status == 201
    assert (await desk.house.reader.experiment("default", "digits")).due_at is not None  # type: ignore[union-attr]


async def test_a_name_that_is_taken_is_a_conflict(desk: Desk) -> None:
    await desk.create()

    status, found = await desk.ask("POST", EXPERIMENTS, a_manifest())

    assert (status, found["reason"]) == (409, "AlreadyExists")
    assert found["message"] == 'experiments.kubeflow.org "digits" already exists'


async def test_generate_name_makes_a_name(desk: Desk) -> None:
    manifest = a_manifest()
    manifest["metadata"] = {"generateName": "digits-"}

    names = {(await desk.ask("POST", EXPERIMENTS, manifest))[1]["metadata"]["name"] for _ in range(2)}

    assert len(names) == 2
    assert all(name.startswith("digits-") and len(name) == len("digits-") + 5 for name in names)


async def test_all_that_is_wrong_is_said_at_once_with_its_field(desk: Desk) -> None:
    objective = {"type": "less", "objectiveMetricName": "loss"}
    manifest = a_manifest(objective=objective, parallelTrialCount=9)

    status, found = await desk.ask("POST", EXPERIMENTS, manifest)

    assert (status, found["reason"], found["details"]["kind"]) == (422, "Invalid", "Experiment")
    assert [(it["field"], it["message"]) for it in found["details"]["causes"]] == [
        ("spec.objective.type", "must be minimize or maximize"),
        ("spec.parallelTrialCount", "should be less than or equal to spec.maxTrialCount"),
    ]
    assert desk.published == []


@pytest.mark.parametrize(
    ("strictness", "status", "warnings"),
    [("Strict", 400, 0), ("Warn", 201, 1), ("Ignore", 201, 0), ("", 201, 1)],
)
async def test_unknown_fields_are_treated_as_the_caller_wants(
    desk: Desk, strictness: str, status: int, warnings: int
) -> None:
    query = f"?fieldValidation={strictness}" if strictness else ""

    answer = await desk.answer("POST", EXPERIMENTS + query, a_manifest(paralelTrialCount=2))

    told = [value for name, value in answer.headers if name == "Warning"]
    assert (answer.status, len(told)) == (status, warnings)
    assert all("spec.paralelTrialCount" in value for value in told)


async def test_a_dry_run_checks_and_does_nothing(desk: Desk) -> None:
    status, _ = await desk.ask("POST", f"{EXPERIMENTS}?dryRun=All", a_manifest())

    assert status == 201
    assert (await desk.get(EXPERIMENTS))["items"] == []


async def test_without_a_cluster_its_kinds_run_as_processes(house: House) -> None:
    desk = Desk(house, has_cluster=False)
    template: dict[str, Any] = {
        "primaryContainerName": "main",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [
                            {"name": "main", "image": "any", "command": ["train", "${trialParameters.x}"]},
                        ],
                    }
                }
            },
        },
    }

    await desk.create(trialTemplate=template)

    experiment = await house.reader.experiment("default", "digits")
    assert experiment is not None
    assert {trial.target for trial in await house.reader.all_trials(experiment.uid)} == {TargetKind.PROCESS}


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", f"{EXPERIMENTS}/nobody", 404, "NotFound"),
        ("DELETE", f"{EXPERIMENTS}/nobody", 404, "NotFound"),
        ("PATCH", f"{EXPERIMENTS}/nobody", 404, "NotFound"),
        ("DELETE", f"{TRIALS}/nobody", 404, "NotFound"),
        ("GET", f"{BASE}/namespaces/default/pods", 404, "NotFound"),
        ("GET", "/apis/apps/v1", 404, "NotFound"),
        ("POST", TRIALS, 405, "MethodNotAllowed"),
        ("DELETE", f"{BASE}/namespaces/default/suggestions/digits", 405, "MethodNotAllowed"),
        ("POST", "/apis", 405, "MethodNotAllowed"),
        ("GET", f"{EXPERIMENTS}?labelSelector=a=b=c", 400, "BadRequest"),
        ("GET", f"{EXPERIMENTS}?fieldSelector=status.phase=x", 400, "BadRequest"),
    ],
)
async def test_what_cannot_be_done_is_a_status(desk: Desk, method: str, path: str, status: int, reason: str) -> None:
    code, found = await desk.ask(method, path, {}, **PATCH)  # type: ignore[arg-type]

    assert (code, found["kind"], found["reason"], found["code"]) == (status, "Status", reason, status)


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b'{"metadata": 3}', b'{"spec": NaN}'])
async def test_a_body_that_is_no_experiment_is_refused(desk: Desk, body: bytes) -> None:
    code, found = await desk.ask("POST", EXPERIMENTS, body)

    assert code in {400, 422}
    assert found["kind"] == "Status"


async def test_a_namespace_that_differs_from_the_url_is_refused(desk: Desk) -> None:
    manifest = a_manifest()
    manifest["metadata"] = {"name": "digits", "namespace": "team-a"}

    code, found = await desk.ask("POST", EXPERIMENTS, manifest)

    assert (code, found["reason"]) == (400, "BadRequest")


async def test_a_merge_patch_edits_the_budget(desk: Desk) -> None:
    await desk.create()

    status, found = await desk.ask(
        "PATCH", f"{EXPERIMENTS}/digits", {"spec": {"maxTrialCount": 9, "parallelTrialCount": 4}}, **PATCH
    )
    await desk.play()

    assert status == 200
    assert (found["spec"]["maxTrialCount"], found["spec"]["parallelTrialCount"]) == (9, 4)
    assert len((await desk.get(TRIALS))["items"]) == 4


async def test_labels_and_annotations_can_be_changed_and_taken_away(desk: Desk) -> None:
    await desk.create()
    for labels in ({"a": "1", "b": "2"}, {"a": None, "b": "3"}):
        metadata = {"labels": labels, "annotations": {"note": "x"}}
        await desk.ask("PATCH", f"{EXPERIMENTS}/digits", {"metadata": metadata}, **PATCH)

    found = (await desk.get(f"{EXPERIMENTS}/digits"))["metadata"]

    assert (found["labels"], found["annotations"]) == ({"b": "3"}, {"note": "x"})


async def test_everything_but_the_budget_is_refused_in_katibs_words(desk: Desk) -> None:
    await desk.create()

    status, found = await desk.ask(
        "PATCH", f"{EXPERIMENTS}/digits", {"spec": {"algorithm": {"algorithmName": "tpe"}}}, **PATCH
    )

    assert (status, [it["field"] for it in found["details"]["causes"]]) == (422, ["spec"])
    assert "are editable" in found["message"]


async def test_what_was_read_can_be_put_back_with_another_budget(desk: Desk) -> None:
    await desk.create()
    found = await desk.get(f"{EXPERIMENTS}/digits")
    found["spec"]["maxTrialCount"] = 7

    status, changed = await desk.ask("PUT", f"{EXPERIMENTS}/digits", found)
    again, refused = await desk.ask("PUT", f"{EXPERIMENTS}/digits", found)

    assert (status, changed["spec"]["maxTrialCount"]) == (200, 7)
    assert (again, refused["reason"]) == (409, "Conflict")


async def test_what_trials_do_is_no_conflict_with_an_edit(desk: Desk) -> None:
    seen = (await desk.ask("POST", EXPERIMENTS, a_manifest()))[1]["metadata"]["resourceVersion"]
    await desk.play()
    patch = {"metadata": {"resourceVersion": seen}, "spec": {"maxTrialCount": 7}}

    first, changed = await desk.ask("PATCH", f"{EXPERIMENTS}/digits", patch, **PATCH)
    second, _ = await desk.ask("PATCH", f"{EXPERIMENTS}/digits", patch, **PATCH)
    events = await desk.watch(f"{EXPERIMENTS}?watch=true&timeoutSeconds=0")
    patch["metadata"]["resourceVersion"] = events[0][1]["metadata"]["resourceVersion"]
    third, _ = await desk.ask("PATCH", f"{EXPERIMENTS}/digits", patch, **PATCH)

    assert (first, second, third) == (200, 409, 200)
    assert int(changed["metadata"]["resourceVersion"]) > int(seen)


async def test_a_patch_of_another_kind_is_refused(desk: Desk) -> None:
    await desk.create()
    headers = {"content-type": "application/strategic-merge-patch+json"}

    status, found = await desk.ask("PATCH", f"{EXPERIMENTS}/digits", {}, **headers)  # type: ignore[arg-type]

    assert (status, found["reason"]) == (415, "UnsupportedMediaType")


async def test_what_is_applied_is_created_and_then_merged(desk: Desk) -> None:
    headers = {"content-type": "application/apply-patch+yaml"}
    manifest = a_manifest()

    created, _ = await desk.ask("PATCH", f"{EXPERIMENTS}/digits?fieldManager=me", manifest, **headers)  # type: ignore[arg-type]
    manifest["spec"]["maxTrialCount"] = 8
    changed, found = await desk.ask("PATCH", f"{EXPERIMENTS}/digits?fieldManager=me", manifest, **headers)  # type: ignore[arg-type]

    assert (created, changed, found["spec"]["maxTrialCount"]) == (200, 200, 8)


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ([{"op": "replace", "path": "/spec/maxTrialCount", "value": 8}], 200),
        (
            [
                {"op": "test", "path": "/spec/maxTrialCount", "value": 3},
                {"op": "remove", "path": "/spec/maxTrialCount"},
            ],
            200,
        ),
        ([{"op": "test", "path": "/spec/maxTrialCount", "value": 4}], 400),
        (
            [
                {"op": "add", "path": "/metadata/labels", "value": {}},
                {"op": "add", "path": "/metadata/labels/a.b~1c", "value": "d"},
            ],
            200,
        ),
        ([{"op": "remove", "path": "/spec/parameters/0"}], 422),
        ([{"op": "add", "path": "/spec/parameters/-", "value": {"name": "y"}}], 422),
        ([{"op": "remove", "path": "/spec/parameters/7"}], 400),
        ([{"op": "replace", "path": "/spec/maxTrialCount/deeper", "value": 8}], 400),
        ([{"op": "move", "path": "/spec", "from": "/status"}], 400),
        ([{"op": "add", "path": "spec", "value": 1}], 400),
        ({"spec": {}}, 400),
    ],
)
async def test_json_patches_are_carried_out_whole_or_not_at_all(desk: Desk, operations: Any, status: int) -> None:
    await desk.create()
    before = await desk.get(f"{EXPERIMENTS}/digits")
    headers = {"content-type": "application/json-patch+json"}

    code, found = await desk.ask("PATCH", f"{EXPERIMENTS}/digits", operations, **headers)  # type: ignore[arg-type]

    after = await desk.get(f"{EXPERIMENTS}/digits")
    assert code == status, found
    assert (after == before) is (status != 200)


async def test_a_deleted_experiment_is_gone_at_once(desk: Desk) -> None:
    uid = (await desk.create())["metadata"]["uid"]
    wrong = {"preconditions": {"uid": "another"}}

    refused, _ = await desk.ask("DELETE", f"{EXPERIMENTS}/digits", wrong)
    status, found = await desk.ask("DELETE", f"{EXPERIMENTS}/digits", {"preconditions": {"uid": uid}})

    assert (refused, status, found["status"], found["details"]["uid"]) == (409, 200, "Success", uid)
    assert (await desk.ask("GET", f"{EXPERIMENTS}/digits"))[0] == 404
    assert (await desk.get(TRIALS))["items"] == []


async def test_a_deleted_trial_is_stopped_and_hidden(desk: Desk) -> None:
    await desk.create()
    first, second = [item["metadata"]["name"] for item in (await desk.get(TRIALS))["items"]]

    status, _ = await desk.ask("DELETE", f"{TRIALS}/{first}")

    assert status == 200
    assert [item["metadata"]["name"] for item in (await desk.get(TRIALS))["items"]] == [second]
    assert "kuttab.trial.stop_requested.v1" in {event.type for event in desk.published}


async def test_an_experiment_can_be_stopped(desk: Desk) -> None:
    await desk.create()

    status, found = await desk.ask("POST", f"{EXPERIMENTS}/digits/stop")

    assert (status, found["status"]["conditions"][-1]["reason"]) == (200, "ExperimentStopped")


async def test_lists_are_narrowed_by_labels_names_and_namespaces(desk: Desk) -> None:
    for name, label in (("first", "1"), ("second", "2")):
        manifest = a_manifest(name=name)
        manifest["metadata"] = {"name": name, "labels": {"team": label}}
        await desk.ask("POST", EXPERIMENTS, manifest)
    await desk.ask("POST", EXPERIMENTS.replace("default", "team-a"), a_manifest(name="third"))

    async def names(target: str) -> list[str]:
        return [item["metadata"]["name"] for item in (await desk.get(target))["items"]]

    assert await names(f"{BASE}/experiments") == ["first", "second", "third"]
    assert await names(EXPERIMENTS) == ["first", "second"]
    assert await names(f"{EXPERIMENTS}?labelSelector=team in (2,3)") == ["second"]
    assert await names(f"{EXPERIMENTS}?fieldSelector=metadata.name=first") == ["first"]
    assert [it["metadata"]["name"] for it in (await desk.get("/api/v1/namespaces"))["items"]] == ["default", "team-a"]


async def test_a_table_has_katibs_columns(desk: Desk) -> None:
    await desk.create()

    found = await desk.get(EXPERIMENTS, **TABLE)
    one = await desk.get(f"{EXPERIMENTS}/digits", **TABLE)
    bare = await desk.get(f"{EXPERIMENTS}?includeObject=None", **TABLE)

    narrow = [it["name"] for it in found["columnDefinitions"] if it["priority"] == 0]
    assert (found["kind"], narrow) == ("Table", ["Name", "Type", "Status", "Age"])
    assert found["rows"][0]["cells"][:4] == ["digits", "Running", "True", "0s"]
    assert found["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert one["rows"] == found["rows"]
    assert "object" not in bare["rows"][0]


@pytest.mark.parametrize("plural", ["experiments", "trials", "suggestions"])
async def test_every_row_has_a_cell_for_each_column(desk: Desk, plural: str) -> None:
    await desk.create()

    found = await desk.get(f"{BASE}/{plural}", **TABLE)

    assert found["rows"]
    assert {len(row["cells"]) for row in found["rows"]} == {len(found["columnDefinitions"])}
