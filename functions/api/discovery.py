"""What the server says of itself: its version, its groups, and the resources in them."""

from collections.abc import Mapping
from typing import Any

from events.resource import API_VERSION, Manifest
from functions.api.kinds import GROUP, VERSION, Kind

_KUBERNETES = ("1", "32")
"""The Kubernetes whose dialect this is: kubectl warns where its own version is far from the server's."""
_READ = ["get", "list", "watch"]
_VERBS: Mapping[Kind, list[str]] = {
    Kind.EXPERIMENTS: ["create", "delete", "get", "list", "patch", "update", "watch"],
    Kind.TRIALS: ["delete", *_READ],
    Kind.SUGGESTIONS: _READ,
}
_SHORT_NAMES: Mapping[Kind, list[str]] = {Kind.EXPERIMENTS: ["exp"], Kind.TRIALS: [], Kind.SUGGESTIONS: []}
_GROUP_VERSION: dict[str, Any] = {"groupVersion": API_VERSION, "version": VERSION}
_GROUP: dict[str, Any] = {"name": GROUP, "versions": [_GROUP_VERSION], "preferredVersion": _GROUP_VERSION}


def discover(path: str) -> Manifest | None:
    """Return the document of this path, or None where there is none."""
    group = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": API_VERSION}
    documents: dict[str, Manifest] = {
        "/version": _version(),
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [_namespaces()]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_GROUP]},
        f"/apis/{GROUP}": {"kind": "APIGroup", "apiVersion": "v1", **_GROUP},
        f"/apis/{API_VERSION}": {**group, "resources": [_resource(kind) for kind in Kind]},
    }
    return documents.get(path)


def _resource(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.value,
        "singularName": kind.singular,
        "namespaced": True,
        "kind": kind.object_kind,
        "verbs": _VERBS[kind],
        "shortNames": _SHORT_NAMES[kind],
        "categories": ["all", "kubeflow", "katib"],
    }


def _namespaces() -> dict[str, Any]:
    names = {"name": "namespaces", "singularName": "namespace", "shortNames": ["ns"], "kind": "Namespace"}
    return {**names, "namespaced": False, "verbs": ["get", "list"]}


def _version() -> Manifest:
    major, minor = _KUBERNETES
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{major}.{minor}.0+kuttab",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "python",
    }
