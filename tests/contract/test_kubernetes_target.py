"""KubernetesTarget keeps the contract of targets, and what its own documentation says besides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.kubernetes_rig import KubernetesRig
from tests.contract.target_contract import TargetContract
from tests.services.kubernetes import Cluster

pytestmark = pytest.mark.slow


@pytest.fixture
async def rig(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubernetesRig]:
    rig = KubernetesRig(cluster, str(tmp_path))
    yield rig
    await rig.calls.close()


class TestKubernetesTarget(TargetContract):
    """The contract, by Jobs."""
