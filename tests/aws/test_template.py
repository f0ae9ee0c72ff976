"""template.yaml says what the catalogue says, keeps AWS's rules and ours, and allows no function more than it needs."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from events.client.sqs_address import MAX_PREFIX_CHARACTERS
from events.trial import TrialCreated
from functions.catalog import ANNOUNCED_TYPES, CLIENT_TYPES, SUBSCRIPTIONS, announced_queues
from infra.broker.port import DELIVERY_LIMIT
from infra.settings import Settings
from infra.target import batch_calls
from tests.aws.template import Resource, catalogue_names, layers_of, of_type, source, targets_of, transform

PREFIX = "${AWS::StackName}-"
UPGRADE, API = "infra.lambda_upgrade.lambda_handler", "infra.lambda_api.lambda_handler"
"""The two functions that no event calls."""
API_COMMANDS = ("experiment-admit", "experiment-edit", "experiment-stop", "experiment-delete", "trial-delete")
"""What the API does at once, by the queues' names: it announces what follows."""
MAX_QUEUE_NAME_CHARACTERS = 80
WAIT_FOR_RUNNERS = {"trial-launch-process", "trial-launch-kubernetes"}
"""Where a Trial may wait for a free slot as long as it takes."""
REACHES_WORKERS = {"functions.trial.launch", "functions.trial.watch", "functions.trial.stop"}


@pytest.fixture(scope="module")
def resources() -> dict[str, Resource]:
    """Return the transformed template's resources."""
    found: dict[str, Resource] = transform()["Resources"]
    return found


def test_every_queue_of_the_catalogue_is_there_and_no_other(resources: dict[str, Resource]) -> None:
    names = {_name(queue) for queue in of_type(resources, "AWS::SQS::Queue").values()}

    expected = catalogue_names()
    assert {name for name in names if not name.endswith("-dead")} == set(expected)
    assert {name for name in names if name.endswith("-dead")} == {f"{it}-dead" for it, by in expected.items() if by}


def test_every_function_of_the_catalogue_is_there_the_api_and_one_that_upgrades(resources: dict[str, Resource]) -> None:
    handlers = [it["Handler"] for it in of_type(resources, "AWS::Lambda::Function").values()]

    assert sorted(handlers) == sorted([*(f"{it.function}.lambda_handler" for it in SUBSCRIPTIONS), UPGRADE, API])


def test_every_queue_is_read_by_its_function(resources: dict[str, Resource]) -> None:
    read = {
        _name(_queue(resources, mapping)): resources[mapping["FunctionName"]["Ref"]]["Properties"]["Handler"]
        for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    }

    assert read == {queue: f"{by}.lambda_handler" for queue, by in catalogue_names().items() if by}


def test_visibility_is_six_timeouts_and_the_window(resources: dict[str, Resource]) -> None:
    wrong = {}
    for name, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").items():
        timeout = resources[mapping["FunctionName"]["Ref"]]["Properties"]["Timeout"]
        expected = 6 * timeout + mapping.get("MaximumBatchingWindowInSeconds", 0)
        if (found := _queue(resources, mapping)["VisibilityTimeout"]) != expected:
            wrong[name] = (found, expected)

    assert wrong == {}


def test_every_source_reports_failures_is_bounded_and_has_dead_letters(resources: dict[str, Resource]) -> None:
    for name, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").items():
        redrive = _queue(resources, mapping)["RedrivePolicy"]

        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
        assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2, name
        assert redrive["maxReceiveCount"] == DELIVERY_LIMIT, name
        assert _name(resources[next(targets_of(redrive))]["Properties"]).endswith("-dead"), name
        assert mapping["BatchSize"] <= 10 or mapping["MaximumBatchingWindowInSeconds"] >= 1, name


def test_dead_letters_outlive_their_queues(resources: dict[str, Resource]) -> None:
    queues = of_type(resources, "AWS::SQS::Queue").values()

    assert {it["MessageRetentionPeriod"] for it in queues if _name(it).endswith("-dead")} == {1_209_600}
    assert all(it.get("MessageRetentionPeriod", 345_600) < 1_209_600 for it in queues if "RedrivePolicy" in it)


def test_a_stacks_name_that_sqs_allows_is_a_prefix_that_we_allow(resources: dict[str, Resource]) -> None:
    longest = max(len(_name(queue)) for queue in of_type(resources, "AWS::SQS::Queue").values())

    assert longest + MAX_PREFIX_CHARACTERS == MAX_QUEUE_NAME_CHARACTERS


def test_dead_letters_and_old_messages_raise_an_alarm_where_somebody_is_to_be_told(
    resources: dict[str, Resource],
) -> None:
    watched: dict[str, set[str]] = {}
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        queue = _name(resources[next(targets_of(alarm["Dimensions"]))]["Properties"])
        watched.setdefault(alarm["MetricName"], set()).add(queue)
        assert resources[name]["Condition"] == "HasAlarms"

    handled = {queue for queue, by in catalogue_names().items() if by}
    assert watched == {
        "ApproximateNumberOfMessagesVisible": {f"{it}-dead" for it in handled},
        "ApproximateAgeOfOldestMessage": handled - WAIT_FOR_RUNNERS,
    }


@pytest.mark.parametrize(
    ("parameter", "default"),
    [
        ("AlarmTopicArn", ""),
        ("AlarmEmail", ""),
        ("EksCluster", ""),
        ("ProxyInstance", ""),
        ("ProxyCluster", ""),
        ("OpenTelemetryLayerArn", ""),
        ("Tracing", "Disabled"),
    ],
)
def test_what_is_optional_is_off_unless_asked_for(parameter: str, default: str) -> None:
    assert source()["Parameters"][parameter]["Default"] == default


def test_the_cluster_may_be_looked_up_by_those_that_reach_workers(resources: dict[str, Resource]) -> None:
    reaching = {
        it["Handler"].removesuffix(".lambda_handler")
        for it in of_type(resources, "AWS::Lambda::Function").values()
        if "EksPolicy" in set(targets_of(resources[next(targets_of(it["Role"]))]))
    }

    assert reaching == REACHES_WORKERS


@pytest.mark.parametrize("subscription", SUBSCRIPTIONS, ids=lambda it: it.queue)
def test_a_function_may_publish_to_what_it_announces_and_no_further(
    resources: dict[str, Resource], subscription: Any
) -> None:
    allowed = _allowed(resources, f"{subscription.function}.lambda_handler", "sqs:SendMessage")

    own = {queue for queue, by in catalogue_names().items() if by == subscription.function}
    assert allowed == own | {f"{queue}-dead" for queue in own} | announced_queues(subscription.queue)


def test_the_api_may_publish_what_clients_publish_and_what_follows_from_what_it_does(
    resources: dict[str, Resource],
) -> None:
    allowed = _allowed(resources, API, "sqs:SendMessage")

    of_clients = {it.queue for it in SUBSCRIPTIONS if CLIENT_TYPES & set(it.event_types)}
    assert allowed == of_clients.union(*(announced_queues(queue) for queue in API_COMMANDS))
    assert set(_actions(resources, API)) == {"sqs:SendMessage", "sqs:GetQueueUrl"}


def test_who_announces_launches_may_make_the_queue_of_a_selector(resources: dict[str, Resource]) -> None:
    launching = {it.function for it in SUBSCRIPTIONS if TrialCreated.type in ANNOUNCED_TYPES[it.queue]}

    handlers = {it["Handler"] for it in of_type(resources, "AWS::Lambda::Function").values()}
    making = {it.removesuffix(".lambda_handler") for it in handlers if "sqs:CreateQueue" in _actions(resources, it)}
    assert making == launching


@pytest.mark.parametrize("subscription", SUBSCRIPTIONS, ids=lambda it: it.queue)
def test_a_function_may_receive_from_its_own_queues_only(resources: dict[str, Resource], subscription: Any) -> None:
    allowed = _allowed(resources, f"{subscription.function}.lambda_handler", "sqs:ReceiveMessage")

    assert allowed == {queue for queue, by in catalogue_names().items() if by == subscription.function}


def test_batch_and_its_logs_are_reached_by_those_that_must(resources: dict[str, Resource]) -> None:
    reaching = {
        handler.removesuffix(".lambda_handler")
        for handler in (it["Handler"] for it in of_type(resources, "AWS::Lambda::Function").values())
        if any(it.startswith(("batch:", "logs:")) for it in _actions(resources, handler))
    }

    assert reaching == REACHES_WORKERS


def test_the_roles_allow_exactly_what_the_batch_target_calls(resources: dict[str, Resource]) -> None:
    text = inspect.getsource(batch_calls)
    called = {
        it.replace("_", " ").title().replace(" ", "") for it in re.findall(r"self\._\w+\.([a-z]+_[a-z_]+)\(", text)
    }

    allowed = {action for it in REACHES_WORKERS for action in _actions(resources, f"{it}.lambda_handler")}
    reached = {it.partition(":")[2] for it in allowed if it.startswith(("batch:", "logs:"))}
    assert reached - {"TagResource"} == called  # SubmitJob with tags needs the right to tag


def test_no_role_has_more_of_aws_than_logs_and_the_vpcs_network_interfaces(
    resources: dict[str, Resource],
) -> None:
    managed = {
        arn.rpartition("/")[2]
        for role in of_type(resources, "AWS::IAM::Role").values()
        for arn in role.get("ManagedPolicyArns", [])
        if isinstance(arn, str)
    }

    assert managed == {"AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole"}
    assert not any(
        "*" in _actions(resources, it["Handler"]) for it in of_type(resources, "AWS::Lambda::Function").values()
    )


@pytest.mark.parametrize(
    ("layer", "functions"),
    [("SearchLayer", {"functions.suggestion.suggest"}), ("KubernetesLayer", REACHES_WORKERS)],
)
def test_only_those_that_need_a_heavy_layer_carry_it(
    resources: dict[str, Resource], layer: str, functions: set[str]
) -> None:
    layered = {
        it["Handler"].removesuffix(".lambda_handler")
        for it in of_type(resources, "AWS::Lambda::Function").values()
        if layer in layers_of(it)
    }

    assert layered == functions


def test_the_default_runtime_is_the_interpreter_of_the_tests_or_one_that_is_allowed() -> None:
    runtime = source()["Parameters"]["Runtime"]

    assert runtime["Default"] == "python3.11"
    assert runtime["AllowedValues"] == ["python3.11", "python3.12", "python3.13"]


def test_every_variable_is_a_setting_and_none_is_a_password() -> None:
    variables = source()["Globals"]["Function"]["Environment"]["Variables"]

    settings = Settings.load(dict.fromkeys(variables, "text"))
    assert settings.broker == settings.database == settings.database_secret == "text"
    assert "resolve:secretsmanager" not in json.dumps(source())


def test_every_parameter_is_explained_in_the_readme() -> None:
    page = (Path(__file__).parents[2] / "docs" / "aws.md").read_text()

    assert [name for name in source()["Parameters"] if f"`{name}`" not in page] == []


@pytest.mark.slow
def test_cloudformations_linter_finds_nothing_in_the_transformed_template(tmp_path: Path) -> None:
    path = tmp_path / "transformed.json"
    path.write_text(json.dumps(transform()))

    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--format", "parseable", path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == ""
    assert done.returncode == 0


def _name(queue: Resource) -> str:
    name: str = queue["QueueName"]["Fn::Sub"]
    assert name.startswith(PREFIX)
    return name.removeprefix(PREFIX)


def _queue(resources: dict[str, Resource], mapping: Resource) -> Resource:
    found: Resource = resources[next(targets_of(mapping["EventSourceArn"]))]["Properties"]
    return found


def _statements(resources: dict[str, Resource], handler: str) -> list[dict[str, Any]]:
    """Return what the function's own role allows."""
    functions = of_type(resources, "AWS::Lambda::Function").values()
    role = next(targets_of(next(it for it in functions if it["Handler"] == handler)["Role"]))
    policies = resources[role]["Properties"].get("Policies", [])
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def _actions(resources: dict[str, Resource], handler: str) -> list[str]:
    found = (it["Action"] for it in _statements(resources, handler))
    return [action for it in found for action in (it if isinstance(it, list) else [it])]


def _allowed(resources: dict[str, Resource], handler: str, action: str) -> set[str]:
    """Return the queues for which the action is allowed."""
    statements = [it for it in _statements(resources, handler) if action in it["Action"]]
    names = {name for it in statements for name in targets_of(it["Resource"])}
    return {_name(resources[name]["Properties"]) for name in names}
