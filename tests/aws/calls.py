"""Which of AWS's operations each function calls, as moto sees them, and what its role allows."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

from moto.core.responses import BaseResponse

from tests.aws.template import Resource, targets_of

ACTIONS = {
    "sqs:sendmessagebatch": "sqs:sendmessage",
    "sqs:deletemessagebatch": "sqs:deletemessage",
    "sqs:changemessagevisibilitybatch": "sqs:changemessagevisibility",
    "sns:publishbatch": "sns:publish",
}
"""The operations whose right has another name; case does not count in rights."""
_CALLER = re.compile(r"Credential=([^/]+)/")


@contextmanager
def recorded_actions() -> Iterator[Mapping[str, set[str]]]:
    """Yield what moto is asked for from now on: the caller's access key → the rights that the calls need."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    original = BaseResponse.call_action

    def call(response: Any) -> Any:
        caller = _CALLER.search(response.headers.get("Authorization", ""))
        operation = f"{response.boto3_service_name}:{response._get_action()}".lower()
        found[caller[1] if caller else ""].add(ACTIONS.get(operation, operation))
        return original(response)

    BaseResponse.call_action = call  # type: ignore[method-assign]
    try:
        yield found
    finally:
        BaseResponse.call_action = original  # type: ignore[method-assign]


def statements_of(resources: Mapping[str, Resource], function: str) -> Iterator[Resource]:
    """Yield what the function's role allows: its own policies, and the template's managed ones."""
    role = resources[next(targets_of(resources[function]["Properties"]["Role"]))]["Properties"]
    for policy in role.get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]
    for name in resources.keys() & set(targets_of(role["ManagedPolicyArns"])):
        yield from resources[name]["Properties"]["PolicyDocument"]["Statement"]


def actions_of(resources: Mapping[str, Resource], function: str) -> set[str]:
    """Return the actions that the function's role allows, wherever."""
    actions = (it["Action"] for it in statements_of(resources, function))
    return {action for it in actions for action in (it if isinstance(it, list) else [it])}


def refused(resources: Mapping[str, Resource], function: str, needed: set[str]) -> set[str]:
    """Return the rights that the function's role does not give."""
    allowed = {it.lower() for it in actions_of(resources, function)}
    return {it for it in needed if not any(fnmatchcase(it, pattern) for pattern in allowed)}
