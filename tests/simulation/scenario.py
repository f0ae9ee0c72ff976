"""What happens in a seed's world: Experiments, what clients do to them, and what their Workers do."""

from dataclasses import dataclass
from random import Random
from typing import Any

from events.resource import Manifest
from functions.worker import Worker
from infra.target.simulated import Script


@dataclass(frozen=True)
class ClientAction:
    """A client publishes something at this step."""

    step: int
    kind: str
    experiment: int
    data: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Plan:
    """One seed's world."""

    experiments: tuple[Manifest, ...]
    actions: tuple[ClientAction, ...]
    steps: int
    look_share: float = 0.1
    """Of the steps in which a host looks at its Workers."""
    pauses: tuple[float, ...] = (0.1, 1, 3, 8, 20)
    """Seconds that pass at a time."""
    has_clock: bool = True
    """Without a clock, redelivery alone must bring everything to its end: no announcement may be lost."""
    broken_search: float = 0.0
    """The share of searches in which the algorithm raises."""
    clocks_jump: bool = False
    """The clocks of hosts are off by another amount now and then."""
    epilogue: tuple[ClientAction, ...] = ()
    """What clients do when everything has come to its rest: an ended Experiment begins again, in as rough a world."""


def manifest(rng: Random, index: int, *, kind: str = "", **overrides: Any) -> Manifest:
    """Return an Experiment of a kind that this seed chooses."""
    maximum = rng.choice((1, 3, 5, 8))
    kind = kind or rng.choice(("Process", "Process", "Simulated", "Simulated", "External"))
    life = life_fields(rng)
    algorithm = rng.choice(("random", "random", "grid"))
    spec: dict[str, Any] = {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": algorithm},
        "parallelTrialCount": min(maximum, rng.choice((1, 2, 3))),
        "maxTrialCount": maximum,
        "resumePolicy": rng.choice(("Never", "LongRunning")),
        "parameters": [
            {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1", "step": "0.25"}},
            {"name": "y", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}},
        ],
        "trialTemplate": {
            "primaryContainerName": "main",
            "trialParameters": [{"name": "x", "reference": "x"}, {"name": "y", "reference": "y"}],
            "trialSpec": {
                "apiVersion": "kuttab.dev/v1",
                "kind": kind,
                "spec": {"command": ["train", "${trialParameters.x}", "${trialParameters.y}"]},
            },
        },
    }
    if rng.random() < 0.25:
        constrain(spec)
    if rng.random() < 0.3:
        spec["maxFailedTrialCount"] = rng.randint(1, maximum)
    if rng.random() < 0.2:
        spec["objective"]["goal"] = 0.1
    if rng.random() < 0.45:
        name, settings = rng.choice(EARLY_STOPPINGS)
        pairs = [{"name": key, "value": value} for key, value in settings.items()]
        spec["earlyStopping"] = {"algorithmName": name, "algorithmSettings": pairs}
    if "maxDurationSeconds" in life and rng.random() < 0.3:
        del spec["maxTrialCount"]
        spec["algorithm"] = {"algorithmName": "random"}
    if kind != "External" and rng.random() < 0.15:
        spec["metricsCollectorSpec"] = {"collector": {"kind": "Push"}}
    if kind == "Simulated" and rng.random() < 0.2:
        spec["trialTemplate"]["retain"] = True
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": f"sim-{index}"},
        "spec": {**spec, **life, **overrides},
    }


EARLY_STOPPINGS: tuple[tuple[str, dict[str, str]], ...] = (
    ("medianstop", {"min_trials_required": "1", "start_step": "2"}),
    ("asha", {"min_resource": "1", "reduction_factor": "2"}),
    ("asha", {"min_resource": "1", "reduction_factor": "2"}),
    ("asha", {}),
    ("percentile", {"percentile": "50", "n_startup_trials": "1"}),
    ("patient", {"patience": "1", "wrapped": "hyperband", "max_resource": "8"}),
)


def constrain(spec: dict[str, Any]) -> None:
    """Add a parameter that depends on another one, and constraints between parameters and on a metric."""
    steps = {"name": "z", "parameterType": "int", "feasibleSpace": {"min": "0", "max": "1"}}
    spec["parameters"].insert(0, {**steps, "when": {"parameter": "y", "in": ["a"]}, "whenInactive": "0"})
    spec["parameterConstraints"] = ["x <= 0.75", "x + z < 1.5"]
    spec["constraints"] = [{"metric": "loss", "max": 0.25}]
    template = spec["trialTemplate"]
    template["trialParameters"].append({"name": "z", "reference": "z"})
    template["trialSpec"]["spec"]["command"].insert(1, "${trialParameters.z}")


LIFE_FIELDS: dict[str, tuple[float, tuple[Any, ...]]] = {
    "onComplete": (0.4, ("stop", "stop", "drain")),
    "maxRetries": (0.4, (0, 0, 1, 5)),
    "maxDurationSeconds": (0.15, (30, 120, 400)),
    "maxTrialsWithoutImprovement": (0.2, (1, 2, 4)),
}
"""The optional fields of our own: how often they are there, and with which values."""


def life_fields(rng: Random) -> dict[str, Any]:
    """Return some of the optional fields of our own."""
    return {name: rng.choice(values) for name, (odds, values) in LIFE_FIELDS.items() if rng.random() < odds}


def clockless_plan(rng: Random) -> Plan:
    """Choose a world in which nothing but the broker's redelivery mends a crash."""
    experiment = manifest(rng, 0, kind="External")
    experiment["spec"].pop("maxDurationSeconds", None)  # type: ignore[union-attr, call-arg]
    experiment["spec"].setdefault("maxTrialCount", 5)  # type: ignore[union-attr, call-arg]
    return Plan((experiment,), (ClientAction(0, "created", 0),), rng.randint(50, 200), has_clock=False)


def observed_plan(rng: Random) -> Plan:
    """Choose a world in which Workers are looked at all the time, so that their logs are read in many pieces."""
    experiment = manifest(rng, 0, kind="Process", maxTrialCount=3, parallelTrialCount=2)
    return Plan(
        (experiment,), (ClientAction(0, "created", 0),), rng.randint(600, 1200), look_share=0.3, pauses=(1, 2, 4)
    )


def plan(rng: Random) -> Plan:
    """Choose a world."""
    count = rng.choice((1, 1, 2))
    experiments = tuple(manifest(rng, index) for index in range(count))
    steps = rng.randint(100, 500)
    actions = [ClientAction(rng.randint(0, 20), "created", index) for index in range(count)]
    for index in range(count):
        for kind, odds in _ACTIONS:
            if rng.random() < odds:
                data: tuple[Any, ...] = (rng.random() < 0.2,) if kind not in {"created", "trial_deleted"} else ()
                data += (rng.randint(1, 4), rng.randint(1, 10)) if kind == "edited" else ()
                actions.append(ClientAction(rng.randint(0, steps), kind, index, data))
    return Plan(
        experiments,
        tuple(sorted(actions, key=lambda action: action.step)),
        steps,
        broken_search=rng.choice((0,) * 8 + (0.3, 1.0)),
        clocks_jump=rng.random() < 0.2,
    )


_ACTIONS = (
    ("edited", 0.3),
    ("edited", 0.2),
    ("stopped", 0.15),
    ("deleted", 0.15),
    ("created", 0.2),
    ("trial_deleted", 0.2),
    ("trial_deleted", 0.1),
)
"""What clients may do to an Experiment in the course of a world, each at a step of its own."""


def epilogue(rng: Random, what: Plan) -> tuple[ClientAction, ...]:
    """Choose which Experiments get a larger budget after their end; with a resume policy they go on."""
    chosen = [index for index in range(len(what.experiments)) if what.has_clock and rng.random() < 0.4]
    return tuple(ClientAction(0, "edited", index, (False, rng.randint(1, 3), rng.randint(9, 12))) for index in chosen)


def objective(arguments: list[str]) -> float:
    """Return the loss of these parameter values."""
    x, y = arguments[-2:]
    return round((float(x) - 0.3) ** 2 + (0.2 if y == "a" else 0.0), 6)


def size(arguments: list[str]) -> float:
    """Return the second objective of these parameter values, which another point is best in."""
    x, y = arguments[-2:]
    return round(float(x) + (0.0 if y == "a" else 0.3), 6)


def script(seed: int, worker: Worker) -> Script:
    """Return what a Worker does; the same attempt always does the same."""
    rng = Random(f"{seed}/{worker.trial.uid}/{worker.attempt}")
    spec = worker.manifest["spec"]
    assert isinstance(spec, dict)
    command = spec["command"]
    assert isinstance(command, list)
    words = [str(part) for part in command]
    loss = objective(words)
    seconds = rng.choice((0.0, 1.0, 8.0, 30.0, 60.0))
    told = f"noise=1 size={size(words)}"
    reports = [(seconds * step / 8, f"epoch {step} loss={loss + (7 - step) * 0.1:.6f} {told}") for step in range(8)]
    fates = (
        (0.03, Script(0, refusal="no such image")),
        (0.05, Script(0, refusal="the registry does not answer", refusal_reason="ErrImagePull")),
        (0.15, Script(seconds, reports[:2], vanishes=True)),
        (0.25, Script(seconds, reports[:2], exit_code=1)),
        (0.30, Script(seconds, [(0.0, "nothing to report")])),
        (0.35, Script(seconds, reports[:3], exit_code=143, reason="Preempted")),
    )
    fate = rng.random()
    return next((found for odds, found in fates if fate < odds), Script(seconds, reports))


def hardy_script(worker: Worker) -> Script:
    """Return a Worker that always succeeds, after a time of its own."""
    spec = worker.manifest["spec"]
    assert isinstance(spec, dict)
    command = spec["command"]
    assert isinstance(command, list)
    return Script(5.0, [(1.0, f"loss={objective([str(part) for part in command]):.6f}")])
