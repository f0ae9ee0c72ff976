"""A template becomes a manifest with values as data, and says beforehand what would go wrong."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from events.resource import Manifest
from events.search_space import ParameterAssignment
from events.trial import ConfigMapSource, TargetKind, TrialParameter, TrialTemplate
from functions.trial.template import placeholders, render, split_commands, target_of, template_errors

AT = "spec.trialTemplate"


def a_job(*command: JsonValue, args: list[JsonValue] | None = None, **metadata: JsonValue) -> Manifest:
    container: Manifest = {"name": "training", "image": "example.test/image", "command": list(command)}
    if args is not None:
        container["args"] = args
    sidecar: Manifest = {"name": "sidecar", "command": ['--keep="this"']}
    pod: Manifest = {"containers": [container, sidecar], "restartPolicy": "Never"}
    job: Manifest = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}
    return {**job, "metadata": metadata} if metadata else job


def a_process(**spec: JsonValue) -> Manifest:
    return {
        "apiVersion": "kuttab.dev/v1",
        "kind": "Process",
        "spec": {"command": ["train", "${trialParameters.lr}"], **spec},
    }


def a_template(manifest: Manifest | None = None, references: Mapping[str, str] | None = None) -> TrialTemplate:
    references = {"lr": "lr"} if references is None else references
    return TrialTemplate(
        trial_spec=manifest if manifest is not None else a_job("train", "--lr=${trialParameters.lr}"),
        trial_parameters=tuple(TrialParameter(name=name, reference=to) for name, to in references.items()),
        primary_container_name="training",
        success_condition="status.succeeded",
        failure_condition="status.failed",
    )


def rendered(template: TrialTemplate, **values: str) -> Manifest:
    assignments = [ParameterAssignment(name=name, value=value) for name, value in values.items()]
    return render(template, assignments=assignments, trial_name="tune-abcd1234", namespace="labs")


def words_of(manifest: JsonValue, name: str = "training") -> list[JsonValue]:
    containers = manifest["spec"]["template"]["spec"]["containers"]  # type: ignore[index,call-overload]
    container = next(each for each in containers if each["name"] == name)  # type: ignore[union-attr,index,call-overload]
    return [*container.get("command", []), *container.get("args", [])]  # type: ignore[union-attr,misc,list-item]


def errors_of(template: TrialTemplate, *names: str) -> list[tuple[str, str]]:
    return list(template_errors(template, names or ("lr",)))


def test_values_fill_their_placeholders_everywhere() -> None:
    manifest = a_job(
        "train", "--lr=${trialParameters.lr} x ${trialParameters.lr}", labels={"lr-${trialParameters.lr}": "1"}
    )

    filled = rendered(a_template(manifest), lr="0.1")

    assert words_of(filled) == ["train", "--lr=0.1 x 0.1"]
    assert filled["metadata"] == {"labels": {"lr-0.1": "1"}, "name": "tune-abcd1234", "namespace": "labs"}


@pytest.mark.parametrize(
    "value", ['"', "'; rm -rf /", "a\\nb", "${trialParameters.other}", "\\1", "$(reboot)", "{", "a: b"]
)
def test_a_value_is_data_whatever_it_holds(value: str) -> None:
    template = a_template(
        a_job("train", "--lr=${trialParameters.lr}", "${trialParameters.other}"), {"lr": "lr", "other": "other"}
    )

    filled = rendered(split_commands(template), lr=value, other="fine")

    assert words_of(filled) == ["train", f"--lr={value}", "fine"]


@given(value=st.text())
def test_any_text_arrives_as_one_argument(value: str) -> None:
    template = a_template(a_job("train", '--x="${trialParameters.lr}"'))

    assert words_of(rendered(split_commands(template), lr=value)) == ["train", f"--x={value}"]


def test_rendering_leaves_the_template_as_it_is() -> None:
    template = a_template()
    before = template.to_manifest()

    rendered(split_commands(template), lr="1")

    assert template.to_manifest() == before


def test_references_to_the_trial_and_its_template() -> None:
    references = {
        "name": "${trialSpec.Name}",
        "namespace": "${trialSpec.Namespace}",
        "kind": "${trialSpec.Kind}",
        "version": "${trialSpec.APIVersion}",
        "label": "${trialSpec.Labels[custom-key]}",
        "annotation": "${trialSpec.Annotations[a/b.c]}",
    }
    command = [f"${{trialParameters.{name}}}" for name in references]
    manifest = a_job(*command, labels={"custom-key": "label"}, annotations={"a/b.c": "annotation"})

    filled = rendered(a_template(manifest, references))

    assert words_of(filled) == ["tune-abcd1234", "labs", "Job", "batch/v1", "label", "annotation"]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("momentum", "unable to find non-meta parameter"),
        ("${trialSpec.Labels[none]}", "illegal reference of trial metadata"),
        ("${trialSpec.Uid}", "illegal reference of trial metadata"),
    ],
)
def test_a_reference_to_nothing_is_an_error(reference: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rendered(a_template(references={"lr": reference}), lr="1")


def test_placeholders_are_found_in_objects_and_in_text() -> None:
    manifest = a_job("${trialParameters.a}", 'x="${trialParameters.b c}"', labels={"${trialParameters.d}": ""})

    assert placeholders(manifest) == {"a", "b c", "d"}
    assert placeholders("lr: ${trialParameters.lr}\nname: ${trialSpec.Name}") == {"lr"}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["python3", '--architecture="${trialParameters.lr}"'], ["python3", "--architecture=${trialParameters.lr}"]),
        (["python3 train.py", "--epochs 1"], ["python3", "train.py", "--epochs", "1"]),
        (["train", "'a b'", 'c\\ d "e f"'], ["train", "a b", "c d", "e f"]),
        (["train", ""], ["train"]),
        (["train", '""'], ["train", ""]),
        (["train", "${trialParameters.a 'quoted' name}"], ["train", "${trialParameters.a 'quoted' name}"]),
        (["train", "it's"], ["train", "it's"]),
        (["python3", "-c", "print('loss=1'); exit()"], ["python3", "-c", "print('loss=1'); exit()"]),
        (["train", "one\ntwo"], ["train", "one\ntwo"]),
        (["train", "#5", "$HOME", "*"], ["train", "#5", "$HOME", "*"]),
        (["train", 5], ["train", 5]),
        (["sh", "-c", "train --x='a b' && echo done"], ["sh", "-c", "train --x='a b' && echo done"]),
        (["/bin/bash", "-euc", "echo 'a b'"], ["/bin/bash", "-euc", "echo 'a b'"]),
    ],
)
def test_a_command_is_split_as_a_shell_would(command: list[JsonValue], words: list[JsonValue]) -> None:
    split = split_commands(a_template(a_job(*command)))

    assert words_of(split.trial_spec) == words
    assert words_of(split.trial_spec, "sidecar") == ['--keep="this"']


def test_a_script_among_the_args_of_a_shell_stays_whole() -> None:
    split = split_commands(a_template(a_job("sh", "-c", args=["echo 'a b'"])))

    assert words_of(split.trial_spec) == ["sh", "-c", "echo 'a b'"]


def test_the_command_of_a_process_is_exact() -> None:
    template = a_template(a_process(command=["python3", "-c", "print('a b')"]))

    assert split_commands(template) == template


@pytest.mark.parametrize(
    ("manifest", "override", "target"),
    [
        (a_process(), None, TargetKind.PROCESS),
        ({"apiVersion": "kuttab.dev/v1", "kind": "External"}, None, TargetKind.EXTERNAL),
        ({"apiVersion": "kuttab.dev/v1", "kind": "Simulated"}, None, TargetKind.SIMULATED),
        ({"apiVersion": "batch.amazonaws.com/v1", "kind": "Job"}, None, TargetKind.BATCH),
        (a_job("train"), None, TargetKind.KUBERNETES),
        ({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}, None, TargetKind.KUBERNETES),
        ({}, None, TargetKind.KUBERNETES),
        (a_job("train"), "process", TargetKind.PROCESS),
        (a_job("train"), "kubernetes", TargetKind.KUBERNETES),
        (a_job("train"), "external", TargetKind.EXTERNAL),
        (a_process(), "process", TargetKind.PROCESS),
    ],
)
def test_the_kind_chooses_the_target_and_an_override_wins(
    manifest: Manifest, override: str | None, target: TargetKind
) -> None:
    assert target_of(manifest, override) == target


@pytest.mark.parametrize(
    ("manifest", "override", "words"),
    [
        (a_process(), "kubernetes", "target kubernetes cannot run kuttab.dev/v1 Process, which is for process"),
        (a_job("train"), "batch", "target batch cannot run batch/v1 Job"),
        ({"apiVersion": "batch.amazonaws.com/v1", "kind": "Job"}, "process", "cannot run batch.amazonaws.com/v1 Job"),
        ({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}, "process", "cannot run argoproj.io/v1alpha1"),
        (a_job("train"), "cloud", "'cloud' is not a target: use one of process, kubernetes, batch, external"),
    ],
)
def test_an_override_that_cannot_run_the_kind_is_refused(manifest: Manifest, override: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        target_of(manifest, override)


def test_a_good_template_has_no_errors() -> None:
    assert errors_of(a_template()) == []
    assert errors_of(TrialTemplate(trial_spec=a_process(), trial_parameters=a_template().trial_parameters)) == []


def test_an_external_template_needs_no_placeholders() -> None:
    assert errors_of(TrialTemplate(trial_spec={"apiVersion": "kuttab.dev/v1", "kind": "External"})) == []


def test_an_empty_template_lacks_what_katib_says() -> None:
    assert errors_of(TrialTemplate()) == [
        (f"{AT}.primaryContainerName", "must be specified"),
        (AT, "successCondition and failureCondition must be specified"),
        (f"{AT}.trialParameters", "must be specified"),
    ]


GIVE_IT = "give it as a document of the same file, or with --config-map FILE"


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"trial_spec": None}, f"{AT}.TrialSource", f"{AT}.trialSpec or {AT}.configMap must be specified"),
        (
            {"config_map": ConfigMapSource()},
            AT,
            f"only one of {AT}.trialSpec or {AT}.configMap can be specified",
        ),
        (
            {"trial_spec": None, "config_map": ConfigMapSource(config_map_name="a")},
            f"{AT}.configMap",
            "configMapName, configMapNamespace and templatePath must be specified",
        ),
        (
            {
                "trial_spec": None,
                "config_map": ConfigMapSource(config_map_name="a", config_map_namespace="b", template_path="c"),
            },
            AT,
            f"unable to parse {AT}: ConfigMap b/a is not at hand: {GIVE_IT}",
        ),
    ],
)
def test_a_template_has_one_source(changes: dict[str, object], path: str, message: str) -> None:
    assert errors_of(a_template().replace(**changes)) == [(path, message)]


def parameters(*triples: tuple[str, str]) -> tuple[TrialParameter, ...]:
    return tuple(TrialParameter(name=name, reference=to) for name, to in triples)


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        (
            [("", "lr")],
            f"{AT}.trialParameters[0]",
            "name and reference must be specified and name must not contain '{' or '}'",
        ),
        (
            [("lr", "lr"), ("lr", "${trialSpec.Name}")],
            f"{AT}.trialParameters[1].name",
            f"parameter name lr can't be duplicated in {AT}.trialParameters: [{{lr  lr}} {{lr  ${{trialSpec.Name}}}}]",
        ),
        (
            [("lr", "lr"), ("b", "lr")],
            f"{AT}.trialParameters[1].reference",
            f"parameter reference lr can't be duplicated in {AT}.trialParameters: [{{lr  lr}} {{b  lr}}]",
        ),
        (
            [("lr", "lr"), ("b", "momentum")],
            f"{AT}.trialParameters[1].reference",
            "parameter reference momentum does not exist in spec.parameters: [lr]",
        ),
        (
            [("lr", "lr"), ("b", "${trialSpec.Uid}")],
            f"{AT}.trialParameters[1].reference",
            "parameter reference ${trialSpec.Uid} does not exist in spec.parameters: [lr]",
        ),
        (
            [("lr", "lr"), ("b", "${trialSpec.Labels[team]}")],
            f"{AT}.trialParameters[1].reference",
            f"illegal reference of trial metadata: ${{trialSpec.Labels[team]}}: {AT}.trialSpec has no such labels",
        ),
        (
            [("lr", "${trialSpec.Name}")],
            f"{AT}.trialParameters",
            "every parameter of spec.parameters must be referenced, missing: [lr]",
        ),
        (
            [("other", "lr")],
            AT,
            f"parameters: [${{trialParameters.lr}}] in {AT} not found in spec.trialParameters: [{{other  lr}}]",
        ),
    ],
)
def test_trial_parameters_and_placeholders_belong_together(
    given: list[tuple[str, str]], path: str, message: str
) -> None:
    template = a_template().replace(trial_parameters=parameters(*given))

    assert (path, message) in errors_of(template)


def test_a_parameter_without_a_placeholder_is_named_with_the_template() -> None:
    template = a_template(a_process(command=["train"]))

    ((path, message),) = errors_of(template)

    assert path == f"{AT}.trialParameters[0].name"
    assert message.startswith(f'parameter name: lr in spec.trialParameters not found in {AT}: {{"apiVersion":"kutt')


def test_references_of_a_graph_search_are_not_looked_up() -> None:
    template = a_template(references={"lr": "architecture"})

    assert list(template_errors(template, ())) == []


@pytest.mark.parametrize(
    ("manifest", "path", "message"),
    [
        (
            a_job("train", "${trialParameters.lr}", name="mine"),
            AT,
            f"metadata.name and metadata.namespace in {AT} must be omitted",
        ),
        ({"spec": "${trialParameters.lr}"}, AT, f"APIVersion and Kind in {AT} must be specified"),
        (
            {"apiVersion": ["v1"], "kind": {}, "a": "${trialParameters.lr}"},
            AT,
            f"APIVersion and Kind in {AT} must be specified",
        ),
        (
            a_process(command="train ${trialParameters.lr}"),
            f"{AT}.trialSpec.spec.command",
            "must be a list: the program and its arguments",
        ),
        (
            a_process(timeoutSeconds=-1),
            f"{AT}.trialSpec.spec.timeoutSeconds",
            "must be a number of seconds that is not negative",
        ),
        (
            a_process(runnerSelector="gpu"),
            f"{AT}.trialSpec.spec.runnerSelector",
            "must be a mapping of labels, such as {gpu: a100}",
        ),
        (
            a_process(runnerSelector={"gpu": True}),
            f"{AT}.trialSpec.spec.runnerSelector.gpu",
            "must be text: put quotes around a number or a truth value",
        ),
        (
            a_process(runnerSelector={"gpu": "${trialParameters.lr}"}),
            f"{AT}.trialSpec.spec.runnerSelector.gpu",
            "must not depend on a parameter: all Trials of an Experiment ask for the same host",
        ),
    ],
)
def test_the_object_itself_can_be_run(manifest: Manifest, path: str, message: str) -> None:
    assert errors_of(a_template(manifest)) == [(path, message)]


def test_an_unknown_field_of_a_process_is_named() -> None:
    ((path, message),) = errors_of(a_template(a_process(timeout=5)))

    assert path == f"{AT}.trialSpec.spec.timeout"
    assert "timeoutSeconds" in message


def test_the_primary_container_is_one_of_the_jobs() -> None:
    template = a_template().replace(primary_container_name="main")

    assert errors_of(template) == [
        (f"{AT}.primaryContainerName", f"main is not a container of {AT}.trialSpec: [training sidecar]")
    ]
