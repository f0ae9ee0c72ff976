"""Whether this process knows a cluster: asked before anything of a cluster's client is loaded."""

import os
from collections.abc import Mapping
from pathlib import Path

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_KUBECONFIG = "~/.kube/config"


def is_cluster_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether anything says which cluster is meant: EKS's name, a pod's service account, or a kubeconfig."""
    is_pod = bool(environment.get("KUBERNETES_SERVICE_HOST")) and _SERVICE_ACCOUNT.is_file()
    if environment.get("KUTTAB_EKS_CLUSTER") or is_pod:
        return True
    return Path(environment.get("KUBECONFIG") or _KUBECONFIG).expanduser().is_file()
