"""How we reach a cluster: lightkube reads a pod's service account or a kubeconfig, and keeps tokens fresh."""

import httpx2
from lightkube import KubeConfig
from lightkube.config.client_adapter import AsyncClient, ConnectionParams
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from infra.target.kubernetes_errors import KubernetesRefusedError
from infra.target.kubernetes_exec import PluginAuth

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 30.0


def open_client() -> httpx2.AsyncClient:
    """Return a client with the cluster's address, its authorities and our credentials.

    Raises KubernetesRefusedError where the configuration cannot be used.
    """
    try:
        config = KubeConfig.from_env().get()
    except (ConfigError, KeyError, OSError, ValueError) as error:
        words = f"there is no cluster to be reached from here: {error}"
        raise KubernetesRefusedError(0, "NoCluster", words) from error
    if config is None:
        raise KubernetesRefusedError(0, "NoCluster", "the kubeconfig has no current context")
    return client_of(config)


def client_of(config: SingleConfig) -> httpx2.AsyncClient:
    """Return a client of one context. Raises KubernetesRefusedError."""
    timeout = httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS, pool=None)
    user = config.user or User()
    config = config._replace(user=user)
    try:
        client = AsyncClient(config, ConnectionParams(timeout=timeout))
    except (ConfigError, OSError, ValueError) as error:
        words = f"the cluster's configuration cannot be used: {error}"
        raise KubernetesRefusedError(0, "NoCluster", words) from error
    if user.exec is not None and user.token is None and user.token_file is None:
        client.auth = PluginAuth(config, user.exec)
    return client
