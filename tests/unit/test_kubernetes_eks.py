"""EKS: the token is STS's presigned GetCallerIdentity for this cluster, and the client is the cluster's own."""

import base64
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx2
import pytest
from moto import mock_aws

from infra.target import kubernetes_eks
from infra.target.kubernetes_eks import EksAuth, make_token, open_eks_client
from infra.target.kubernetes_errors import KubernetesRefusedError


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "toy")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def session() -> boto3.session.Session:
    return boto3.session.Session(region_name="eu-central-1")


def url_of(token: str) -> str:
    text = token.removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


def test_a_token_is_a_presigned_call_that_names_the_cluster() -> None:
    token = make_token(session(), "training", "eu-central-1")

    parts = urlsplit(url_of(token))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.netloc == "sts.eu-central-1.amazonaws.com"
    assert (query["Action"], query["X-Amz-Expires"]) == ("GetCallerIdentity", "60")
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert query["X-Amz-Credential"].startswith("AKIDEXAMPLE/")
    assert not token.endswith("=")


def test_a_token_is_kept_until_it_is_old_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(kubernetes_eks, "make_token", lambda *_: made.append("t") or f"token-{len(made)}")
    auth, seen, answers = EksAuth(session(), "training", "eu-central-1"), [], [200, 200, 401, 200]

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers["Authorization"])
        return httpx2.Response(answers.pop(0))

    with httpx2.Client(transport=httpx2.MockTransport(answer), auth=auth) as client:
        for _ in range(3):
            client.get("http://cluster/")

    assert seen == ["Bearer token-1", "Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_a_cluster_is_asked_for_its_address_and_its_authority() -> None:
    with mock_aws():
        eks = boto3.client("eks", region_name="eu-central-1")
        role = "arn:aws:iam::123456789012:role/eks"
        eks.create_cluster(name="training", roleArn=role, resourcesVpcConfig={"subnetIds": ["a", "b"]})

        with pytest.raises(KubernetesRefusedError, match="the cluster's configuration cannot be used"):
            open_eks_client("training")  # moto's authority is no certificate


def test_a_cluster_that_is_not_there_is_named() -> None:
    with mock_aws(), pytest.raises(KubernetesRefusedError, match=r"^EKS: nothing: .*nothing"):
        open_eks_client("nothing")
