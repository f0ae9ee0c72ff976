"""What a deployment may ask for besides, and by default has not: a proxy, traces, OpenTelemetry's layer."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from infra.lambda_api import WATCH_SECONDS
from infra.lambda_runtime import ANSWER_SECONDS
from tests.aws.template import Resource, of_type, source, targets_of, transform

SEARCH = "functions.suggestion.suggest.lambda_handler"
LAYER = "arn:aws:lambda:eu-central-1:615299751070:layer:AWSOpenTelemetryDistroPython:11"


@pytest.fixture(scope="module")
def resources() -> dict[str, Resource]:
    """Return the transformed template's resources."""
    found: dict[str, Resource] = transform()["Resources"]
    return found


@pytest.mark.parametrize(
    ("given", "is_accepted"),
    [
        ({}, False),
        ({"DatabaseHost": "db"}, True),
        ({"ProxyInstance": "db"}, True),
        ({"ProxyCluster": "db"}, True),
        ({"DatabaseHost": "db", "ProxyCluster": "db"}, False),
        ({"ProxyInstance": "db", "ProxyCluster": "db"}, False),
        ({"DatabaseHost": "db", "OpenTelemetryLayerArn": LAYER}, False),
        ({"DatabaseHost": "db", "OpenTelemetryLayerArn": LAYER, "Tracing": "Active"}, True),
        ({"DatabaseHost": "db", "Api": "token"}, False),
        ({"DatabaseHost": "db", "Api": "token", "ApiToken": "as-long-as-a-token-must-be"}, True),
        ({"DatabaseHost": "db", "Api": "jwt"}, False),
        ({"DatabaseHost": "db", "Api": "jwt", "ApiIssuer": "https://issuer.example.org"}, True),
        ({"DatabaseHost": "db", "Api": "iam"}, True),
    ],
)
def test_parameters_that_do_not_go_together_are_refused_at_once(given: dict[str, str], *, is_accepted: bool) -> None:
    defaults = {name: it.get("Default") for name, it in source()["Parameters"].items()}
    values = {**defaults, **given}

    rules = [it for it in source()["Rules"].values() if _is_so(it.get("RuleCondition", True), values)]

    assert all(_is_so(it["Assert"], values) for rule in rules for it in rule["Assertions"]) == is_accepted


def test_the_proxy_stands_where_the_functions_are_and_lets_them_in(resources: dict[str, Resource]) -> None:
    proxy, ingress = (resources[name]["Properties"] for name in ("DatabaseProxy", "DatabaseProxyIngress"))
    functions = of_type(resources, "AWS::Lambda::Function").values()

    assert {"SubnetIds": proxy["VpcSubnetIds"], "SecurityGroupIds": proxy["VpcSecurityGroupIds"]} in [
        it["VpcConfig"]["Fn::If"][1] for it in functions
    ]
    assert ingress["GroupId"] == ingress["SourceSecurityGroupId"] == {"Fn::Select": [0, {"Ref": "SecurityGroupIds"}]}
    assert (ingress["FromPort"], ingress["ToPort"]) == (3306, 3306)
    assert all("${DatabaseProxy.Endpoint}:3306" in _variable(it, "KUTTAB_DATABASE_URL", "HasProxy") for it in functions)


def test_the_proxy_reads_the_databases_secret_and_nothing_else(resources: dict[str, Resource]) -> None:
    proxy = resources["DatabaseProxy"]["Properties"]
    role = resources[next(targets_of(proxy["RoleArn"]))]["Properties"]

    statements = [it for policy in role["Policies"] for it in policy["PolicyDocument"]["Statement"]]
    secret = {"Ref": "DatabaseSecretArn"}
    assert statements == [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}]
    assert [it["SecretArn"] for it in proxy["Auth"]] == [secret]
    assert proxy["RequireTLS"] is True


def test_everything_of_the_proxy_is_there_with_it_only(resources: dict[str, Resource]) -> None:
    conditions = {name: it.get("Condition") for name, it in resources.items() if name.startswith("DatabaseProxy")}

    assert set(conditions) == {
        "DatabaseProxy",
        "DatabaseProxyIngress",
        "DatabaseProxyRole",
        "DatabaseProxyTargets",
    }
    assert set(conditions.values()) == {"HasProxy"}


def test_everything_of_the_api_is_there_with_it_only(resources: dict[str, Resource]) -> None:
    conditions = {name: it.get("Condition") for name, it in resources.items() if "Api" in name}

    assert conditions.pop("ApiAuthorizer") == "HasApiIssuer"
    assert "ApiFunctionRole" in conditions
    assert set(conditions.values()) == {"HasApi"}


@pytest.mark.parametrize(("api", "kind"), [("token", "NONE"), ("jwt", "JWT"), ("iam", "AWS_IAM")])
def test_who_may_call_the_api_is_asked_where_it_can_be_known(
    resources: dict[str, Resource], api: str, kind: str
) -> None:
    values = {"HasApiToken": api == "token", "HasApiIssuer": api == "jwt"}
    route, events = (resources[name]["Properties"] for name in ("ApiRoute", "ApiEventsRoute"))
    function = resources["ApiFunction"]["Properties"]["Environment"]["Variables"]

    assert (route["RouteKey"], _chosen(route["AuthorizationType"], values)) == ("$default", kind)
    assert bool(_chosen(function["KUTTAB_API_TOKEN"], values)) == (api == "token")
    assert _chosen(route["AuthorizerId"], values) == {"Ref": "ApiAuthorizer" if api == "jwt" else "AWS::NoValue"}
    assert (events["RouteKey"], events["AuthorizationType"]) == ("POST /events", "NONE")


def test_the_api_is_throttled_logged_and_waited_for_as_long_as_its_function(resources: dict[str, Resource]) -> None:
    stage, integration = (resources[name]["Properties"] for name in ("ApiStage", "ApiIntegration"))
    function = resources["ApiFunction"]["Properties"]

    limits = stage["DefaultRouteSettings"]
    assert limits["ThrottlingRateLimit"] == limits["ThrottlingBurstLimit"] == {"Ref": "ApiRequestsPerSecond"}
    assert {"time", "method", "path", "status", "milliseconds"} <= json.loads(
        stage["AccessLogSettings"]["Format"]
    ).keys()
    assert integration["PayloadFormatVersion"] == "2.0"
    assert integration["TimeoutInMillis"] == 1_000 * function["Timeout"] == 30_000
    assert function["Timeout"] - ANSWER_SECONDS > WATCH_SECONDS


@pytest.mark.parametrize(("tracing", "modes", "rights"), [("Disabled", {""}, False), ("Active", {"Active"}, True)])
def test_without_tracing_no_role_may_write_to_x_ray(tracing: str, modes: set[str], *, rights: bool) -> None:
    resources = transform(Tracing=tracing)["Resources"]

    functions = of_type(resources, "AWS::Lambda::Function").values()
    roles = [resources[next(targets_of(it["Role"]))]["Properties"]["ManagedPolicyArns"] for it in functions]
    found = {tracing if "TracingConfig" in it else "" for it in functions}
    assert found == modes
    assert {any("XRay" in str(arn) or "Xray" in str(arn) for arn in arns) for arns in roles} == {rights}


def test_opentelemetrys_layer_wraps_every_function_but_the_largest(resources: dict[str, Resource]) -> None:
    functions = of_type(resources, "AWS::Lambda::Function").values()

    layered = {it["Handler"] for it in functions if "OpenTelemetryLayerArn" in set(targets_of(it["Layers"][0]))}
    wrapped = {
        it["Handler"]
        for it in functions
        if "otel-instrument" in _variable(it, "AWS_LAMBDA_EXEC_WRAPPER", "HasOpenTelemetry")
    }
    assert layered == wrapped == {it["Handler"] for it in functions} - {SEARCH}


def test_an_optional_right_is_there_with_what_it_is_for(resources: dict[str, Resource]) -> None:
    statements = resources["FunctionPolicy"]["Properties"]["PolicyDocument"]["Statement"]

    always = [it["Action"] for it in statements if "Fn::If" not in it]
    asked = {it["Fn::If"][0]: it["Fn::If"][2] for it in statements if "Fn::If" in it}
    assert always == ["secretsmanager:GetSecretValue"]
    assert asked == {it: {"Ref": "AWS::NoValue"} for it in ("HasTopic", "HasOpenTelemetry")}


def _variable(function: Resource, name: str, condition: str) -> str:
    """Return what the variable is under this condition, or nothing."""
    value = function["Environment"]["Variables"].get(name, {})
    asked, then, _ = value.get("Fn::If", ["", "", ""])
    return str(then) if asked == condition else ""


def _chosen(value: Any, conditions: Mapping[str, bool]) -> Any:
    """Return what a value is under these conditions."""
    while isinstance(value, dict) and "Fn::If" in value:
        condition, then, otherwise = value["Fn::If"]
        value = then if conditions[condition] else otherwise
    return value


def _is_so(value: Any, values: Mapping[str, Any]) -> Any:
    """Compute a rule as CloudFormation does."""
    match value:
        case {"Ref": name}:
            return values[name]
        case {"Fn::Equals": [one, other]}:
            return _is_so(one, values) == _is_so(other, values)
        case {"Fn::Not": [one]}:
            return not _is_so(one, values)
        case {"Fn::And": parts}:
            return all(_is_so(part, values) for part in parts)
        case {"Fn::Or": parts}:
            return any(_is_so(part, values) for part in parts)
    return value
