"""The machine's kubectl: its own client is what many users of Kubernetes have, and no package index carries it."""

import os
import shutil

import pytest

from tests.services.install import ServiceMissingError


def find_kubectl() -> str:
    """Return its path. Skips the test where tests with programs of the machine are left out.

    Raises:
        ServiceMissingError: One line that says what to install.
    """
    if found := shutil.which("kubectl"):
        return found
    if os.environ.get("KUTTAB_TEST_SERVICES") == "off":
        pytest.skip("KUTTAB_TEST_SERVICES=off leaves out tests that need kubectl")
    advice = "install it, 1.27 or newer, or leave these tests out with KUTTAB_TEST_SERVICES=off"
    raise ServiceMissingError(f"kubectl is missing: {advice}")
