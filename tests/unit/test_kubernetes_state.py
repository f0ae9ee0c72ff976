"""How an object that has ended is judged: by its conditions, whose words are kept."""

import pytest

from functions.worker import WorkerPhase
from infra.target.kubernetes_state import Seen, judge
from tests.builders import EPOCH
from tests.contract.kubernetes_rig import a_worker, sh


@pytest.mark.parametrize(
    ("kind", "phase"), [("Complete", WorkerPhase.SUCCEEDED), ("Failed", WorkerPhase.FAILED)], ids=["well", "badly"]
)
def test_the_condition_says_how_and_why_it_ended(kind: str, phase: WorkerPhase) -> None:
    condition = {"type": kind, "status": "True", "reason": "AsItWas", "message": "all pods are done"}
    found = {"metadata": {"creationTimestamp": "2026-03-01T12:00:00Z"}, "status": {"conditions": [condition]}}

    state = judge(Seen(found, None, EPOCH), a_worker(sh("true")))

    assert (state.phase, state.reason, state.message) == (phase, "AsItWas", "all pods are done")
