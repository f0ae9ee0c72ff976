"""What API Gateway calls the function of the HTTP API with."""

from typing import Any

from events.envelope import CONTENT_TYPE

TOKEN = "as-long-as-a-token-must-be"
EXPERIMENTS = "/apis/kubeflow.org/v1beta1/namespaces/default/experiments"


def a_request(method: str, path: str, body: str = "") -> dict[str, Any]:
    """Return the payload, version 2.0, of a caller who shows the token; a body is an event."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {TOKEN}", "content-type": CONTENT_TYPE},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "127.0.0.1"}, "stage": "$default"},
        "body": body,
        "isBase64Encoded": False,
    }
