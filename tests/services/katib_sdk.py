"""Katib's own Python SDK in an environment of its own: it is from before the newest client of Kubernetes."""

from pathlib import Path

from tests.services.apart import install_apart

VERSION = "0.19.0"
KUBERNETES = "35.0.0"
"""The SDK reads the types of this client's models, which the next one writes otherwise."""


def katib_python() -> Path:
    """Return a Python that has the SDK; the first call installs it. Raises ServiceMissingError."""
    return install_apart(f"katib-sdk-{VERSION}", f"kubeflow-katib=={VERSION}", f"kubernetes=={KUBERNETES}") / "python"
