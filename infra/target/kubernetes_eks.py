"""EKS without a kubeconfig, as from Lambda: the cluster's address from AWS, and a token that AWS's STS has signed.

The token is a presigned URL of GetCallerIdentity that names the cluster; it is good for 15 minutes and made by our own
credentials, without a call. `aws eks get-token` gives the same.
"""

import base64
import time
from collections.abc import Generator
from typing import Any, cast

import boto3
import httpx2
from botocore.exceptions import BotoCoreError, ClientError
from botocore.signers import RequestSigner
from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import Cluster

from infra.target.kubernetes_config import client_of
from infra.target.kubernetes_errors import UNAUTHORIZED, KubernetesRefusedError

URL_SECONDS = 60
"""Of the presigned URL, as `aws eks get-token` has it; the cluster accepts the token for 15 minutes."""
TOKEN_SECONDS = 14 * 60.0
"""After that a new one is made, a minute before the cluster refuses the old one."""
_PREFIX = "k8s-aws-v1."
_HEADER = "x-k8s-aws-id"


def make_token(session: boto3.session.Session, cluster: str, region: str) -> str:
    """Return a bearer token for this cluster. Raises KubernetesRefusedError where there are no credentials."""
    client: Any = session.client("sts", region_name=region)
    try:
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise KubernetesRefusedError(UNAUTHORIZED, "NoCredentials", f"AWS: {error}") from error
    if credentials is None:
        raise KubernetesRefusedError(UNAUTHORIZED, "NoCredentials", "AWS: unable to locate credentials for EKS")
    signer = RequestSigner(client.meta.service_model.service_id, region, "sts", "v4", credentials, session.events)
    endpoint = client.meta.endpoint_url.rstrip("/")
    request: dict[str, Any] = {
        "method": "GET",
        "url": f"{endpoint}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {_HEADER: cluster},
        "context": {},
    }
    url = signer.generate_presigned_url(request, region_name=region, expires_in=URL_SECONDS, operation_name="")
    return _PREFIX + base64.urlsafe_b64encode(cast("str", url).encode()).decode().rstrip("=")


class EksAuth(httpx2.Auth):
    """Puts a token on every request, and a new one when it grows old or is refused."""

    def __init__(self, session: boto3.session.Session, cluster: str, region: str) -> None:
        self._session = session
        self._cluster = cluster
        self._region = region
        self._token = ""
        self._made_at = 0.0

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Sign the request; once more where the cluster answers 401."""
        is_old = time.monotonic() - self._made_at > TOKEN_SECONDS
        request.headers["Authorization"] = self._bearer(is_fresh=not self._token or is_old)
        response = yield request
        if response.status_code == UNAUTHORIZED:
            request.headers["Authorization"] = self._bearer(is_fresh=True)
            yield request

    def _bearer(self, *, is_fresh: bool) -> str:
        if is_fresh:
            self._token = make_token(self._session, self._cluster, self._region)
            self._made_at = time.monotonic()
        return f"Bearer {self._token}"


def open_eks_client(cluster: str) -> httpx2.AsyncClient:
    """Return a client of the cluster of this name, in the region of AWS's own settings.

    Needs `eks:DescribeCluster`, and an access entry for the role in the cluster. Raises KubernetesRefusedError.
    """
    session = boto3.session.Session()
    try:
        eks: Any = session.client("eks")
        found = eks.describe_cluster(name=cluster)["cluster"]
    except (ClientError, BotoCoreError) as error:
        words = f"EKS: {cluster}: {' '.join(str(error).split())}"
        raise KubernetesRefusedError(0, "NoCluster", words) from error
    authority = found.get("certificateAuthority", {}).get("data")
    address = Cluster(server=found["endpoint"], certificate_auth_data=authority)
    config = KubeConfig.from_one(cluster=address, context_name=cluster).get()
    assert config is not None
    client = client_of(config)
    client.auth = EksAuth(session, cluster, session.region_name or "")
    return client
