"""Make a Lambda handler of `handle`: the same function runs in Lambda, in the local runner and in the simulation."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from functions.ports import Handler

LambdaHandler = Callable[[dict[str, Any], object], dict[str, Any]]


def lambda_entry(handle: Handler) -> LambdaHandler:
    """Return what Lambda calls with a batch of records: it answers with the partial batch failures.

    The wiring is imported on the first call, so that importing a function stays cheap; it is the one place
    where `functions` reaches for `infra`.
    """

    def lambda_handler(payload: dict[str, Any], context: object) -> dict[str, Any]:
        entry = import_module("infra.lambda_runtime")
        answer: dict[str, Any] = entry.handle_payload(handle, payload, context)
        return answer

    return lambda_handler
