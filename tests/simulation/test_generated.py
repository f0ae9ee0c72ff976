"""An Experiment that admission has let in comes to its end, whatever else it asks for."""

from hypothesis import HealthCheck, Phase, given, settings

from events.resource import Manifest
from functions.experiment.admission import read_experiment
from functions.worker import Worker
from infra.target.simulated import Script
from tests.simulation.chaos import Odds
from tests.simulation.run import run_world
from tests.simulation.scenario import ClientAction, Plan
from tests.unit.experiment_strategies import broken_experiments, changed, experiments

OBJECTIVE = {"type": "minimize", "objectiveMetricName": "loss"}
"""What the inspector of a world counts on."""
QUICK = settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a world is slow: a failure is shown as it was found
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def with_objective(manifest: Manifest) -> Manifest:
    spec = manifest["spec"] if isinstance(manifest.get("spec"), dict) else {}
    is_there = isinstance(spec, dict) and "objective" in spec
    return changed(manifest, ("spec", "objective"), OBJECTIVE) if is_there else manifest  # type: ignore[no-any-return]


def script(worker: Worker) -> Script:
    return Script(2.0, [(1.0, f"loss={worker.trial.number}")])


def run_to_its_end(manifest: Manifest) -> None:
    """Run the Experiment without any fault. Raises BrokenPromiseError where it does not come to rest."""
    plan = Plan((manifest,), (ClientAction(0, "created", 0),), 5)
    run_world(1, plan, script, odds=Odds(), forgets=False)


@QUICK
@given(manifest=experiments().map(with_objective))
def test_a_sound_experiment_comes_to_its_end(manifest: Manifest) -> None:
    run_to_its_end(manifest)


@QUICK
@given(manifest=broken_experiments().map(with_objective).filter(lambda it: not read_experiment(it).errors))
def test_a_changed_one_that_is_admitted_does_too(manifest: Manifest) -> None:
    run_to_its_end(manifest)
