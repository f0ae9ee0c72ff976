"""Every admitted Experiment ends: without its messages, with a handler that always raises; crashes leave no trace."""

from random import Random

import pytest

from functions.catalog import SUBSCRIPTIONS
from tests.simulation.chaos import Odds
from tests.simulation.run import run_world
from tests.simulation.scenario import LIFE_FIELDS, ClientAction, Plan, hardy_script, manifest, plan, script
from tests.simulation.world import World

BREAKABLE = [it.queue for it in SUBSCRIPTIONS if it.queue not in {"experiment-admit", "clock-reconcile"}]
CRASHES = Odds(crash=0.02, transient=0.02, double=0.1, delay=0.2)


@pytest.mark.parametrize("seed", range(20))
def test_only_the_clock_is_left(seed: int) -> None:
    world = run_world(seed, plan(Random(seed)), lambda worker: script(seed, worker), odds=CRASHES, forgets=True)

    assert not world.inspector.rows("SELECT uid FROM experiments WHERE phase IN ('Created', 'Running')")


@pytest.mark.timeout(300)  # eight seconds of one processor: many times as long on a busy machine
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("queue", BREAKABLE)
def test_one_handler_always_raises(queue: str, seed: int) -> None:
    what = plan(Random(seed))

    world = run_world(seed, what, lambda worker: script(seed, worker), odds=Odds(), broken_queue=queue)

    is_open = "SELECT uid FROM experiments WHERE completed_at IS NULL AND deleted_at IS NULL"
    assert not world.inspector.rows(is_open)


def _suggestions(world: World) -> list[str]:
    return [row["assignments"] for row in world.inspector.rows("SELECT assignments FROM trials ORDER BY number")]


@pytest.mark.parametrize("algorithm", ["random", "grid", "tpe", "multivariate-tpe"])
@pytest.mark.parametrize("seed", range(5))
def test_crashes_change_no_suggestion(algorithm: str, seed: int) -> None:
    one = manifest(Random(seed), 0, kind="Process", **_one_by_one(algorithm))
    what = Plan((one,), (ClientAction(0, "created", 0),), 300)

    calm = run_world(seed, what, hardy_script, odds=Odds(), forgets=False)
    rough = run_world(seed, what, hardy_script, odds=CRASHES, forgets=True)

    assert len(_suggestions(calm)) == 8
    assert _suggestions(rough) == _suggestions(calm)


def _one_by_one(algorithm: str) -> dict[str, object]:
    """Return a spec whose results come in one order, whatever happens on the way."""
    settings = [{"name": "n_startup_trials", "value": "3"}] if "tpe" in algorithm else []
    absent = dict.fromkeys((*LIFE_FIELDS, "metricsCollectorSpec"))
    return {
        **absent,
        "algorithm": {"algorithmName": algorithm, "algorithmSettings": settings},
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "maxTrialCount": 8,
        "parallelTrialCount": 1,
        "maxFailedTrialCount": 8,
    }
