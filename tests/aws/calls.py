"""Which of AWS's operations each function calls and on what, as moto sees them, and what its deployed role allows."""

import json
import re
from ast import literal_eval
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from moto.core.responses import BaseResponse

from tests.aws.template import REGION

Statement = dict[str, Any]

ACCOUNT = "123456789012"
ACTIONS = {
    "sqs:sendmessagebatch": "sqs:sendmessage",
    "sqs:deletemessagebatch": "sqs:deletemessage",
    "sqs:changemessagevisibilitybatch": "sqs:changemessagevisibility",
    "sns:publishbatch": "sns:publish",
}
"""The operations whose right has another name; case does not count in rights."""
RESOURCES = {
    "QueueUrl": "sqs:{region}:{account}:{name}",
    "QueueName": "sqs:{region}:{account}:{name}",
    "TopicArn": "sns:{region}:{account}:{name}",
    "SecretId": "secretsmanager:{region}:{account}:secret:{name}",
    "jobQueue": "batch:{region}:{account}:job-queue/{name}",
    "jobDefinition": "batch:{region}:{account}:job-definition/{name}",
    "jobId": "batch:{region}:{account}:job/{name}",
    "logGroupName": "logs:{region}:{account}:log-group:{name}:log-stream:{logStreamName}",
}
"""Parameter of an operation → the resource that it names, as rights name it."""
_CALLER = re.compile(r"Credential=([^/]+)/")
OF_NO_RESOURCE = {"batch:listjobs", "batch:describejobs"}
"""What knows no resources: such a right is for the whole account or there is none."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation by the right that it needs, on one of the resources that it names."""

    action: str
    resource: str


@contextmanager
def recorded_calls(callers: Container[str]) -> Iterator[Mapping[str, set[Call]]]:
    """Yield what moto is asked for from now on by these callers, each of which is its access key → its calls."""
    found: defaultdict[str, set[Call]] = defaultdict(set)
    original = BaseResponse.call_action

    def call(response: Any) -> Any:
        caller = _CALLER.search(response.headers.get("Authorization", ""))
        if caller and caller[1] in callers:
            operation = f"{response.boto3_service_name}:{response._get_action()}".lower()
            action = ACTIONS.get(operation, operation)
            found[caller[1]] |= {Call(action, it) for it in resources_of(action, _parameters(response))}
        return original(response)

    BaseResponse.call_action = call  # type: ignore[method-assign]
    try:
        yield found
    finally:
        BaseResponse.call_action = original  # type: ignore[method-assign]


def resources_of(action: str, parameters: Mapping[str, Any]) -> list[str]:
    """Return the ARNs of what an operation with these parameters is on."""
    if action in OF_NO_RESOURCE:
        return ["*"]
    texts = {name: text for name, text in parameters.items() if isinstance(text, str)}
    found = [_arn(texts, name) for name in RESOURCES if name in texts]
    assert found, f"{action} {sorted(parameters)}: which resource is that?"
    return found


def statements_of(iam: Any, role: str, managed: Container[str]) -> list[Statement]:
    """Return what a deployed role allows: its own policies, and these managed ones, which moto does not attach."""
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    own = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    documents = [literal_eval(text) for text in own]  # moto hands them out as Python writes them
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        if policy["PolicyName"].rpartition("-")[0] in managed:
            about = {"PolicyArn": policy["Arn"], "VersionId": policy["DefaultVersionId"]}
            documents.append(iam.get_policy_version(**about)["PolicyVersion"]["Document"])
    return [statement for document in documents for statement in document["Statement"]]


def refused(statements: Iterable[Statement], calls: Iterable[Call]) -> set[Call]:
    """Return the calls that these statements do not allow."""
    allowed = [(_listed(it["Action"]), _listed(it["Resource"])) for it in statements if _is_plain(it)]
    return {
        call
        for call in calls
        if not any(
            any(fnmatchcase(call.action, it.lower()) for it in actions)
            and any(fnmatchcase(call.resource, it) for it in resources)
            for actions, resources in allowed
        )
    }


def _is_plain(statement: Statement) -> bool:
    assert statement["Effect"] == "Allow", statement
    return "Condition" not in statement


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _arn(parameters: Mapping[str, str], name: str) -> str:
    """Return the ARN; what is one already stays, and of a URL the last part is the name."""
    text = parameters[name]
    if text.startswith("arn:"):
        return text
    about = {
        "region": REGION,
        "account": ACCOUNT,
        **parameters,
        "name": text.rpartition("/")[2] if "://" in text else text,
    }
    return "arn:aws:" + RESOURCES[name].format_map(about)


def _parameters(response: Any) -> Mapping[str, Any]:
    """Return what the operation is called with: JSON, or a form."""
    if str(response.body).startswith("{"):
        found: dict[str, Any] = json.loads(response.body)
        return found
    return {name: values[0] for name, values in response.querystring.items()}
