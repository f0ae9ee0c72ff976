"""What a seed's Experiments ask of their search besides: several objectives, points to begin with, earlier results."""

from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

from tests.simulation.scenario import ClientAction, Plan

OBJECTIVES = [
    {"type": "minimize", "objectiveMetricName": "loss"},
    {"type": "minimize", "objectiveMetricName": "size"},
]


def enrich(plan: Plan, rng: Random) -> Plan:
    """Return the plan with some Experiments that ask for more; the others stay as they are."""
    experiments = deepcopy(plan.experiments)
    specs: list[dict[str, Any]] = [it["spec"] for it in experiments]  # type: ignore[misc]
    for spec in specs:
        if rng.random() < 0.2:
            ask_for_several(spec, rng)
        if rng.random() < 0.2:
            give_seeds(spec, rng)
    if len(specs) > 1 and rng.random() < 0.6:
        begin_from(specs[0], specs[1])
        later = rng.randint(20, 150)
        actions = [it if it.experiment == 0 else _put_off(it, later) for it in plan.actions]
        plan = replace(plan, actions=tuple(sorted(actions, key=lambda it: it.step)))
    return replace(plan, experiments=experiments)


def _put_off(action: ClientAction, steps: int) -> ClientAction:
    return replace(action, step=action.step + steps)


def ask_for_several(spec: dict[str, Any], rng: Random) -> None:
    """Let a second objective count, where Workers report one."""
    if spec["trialTemplate"]["trialSpec"]["kind"] == "External" or "metricsCollectorSpec" in spec:
        return
    spec["objectives"] = deepcopy(OBJECTIVES)
    if "goal" in spec["objective"]:
        spec["objectives"][0]["goal"] = spec["objective"]["goal"]
    if rng.random() < 0.5:
        del spec["objective"]
    if "maxTrialCount" in spec:
        spec["algorithm"] = {"algorithmName": rng.choice(("random", "grid", "nsgaii"))}
    spec.pop("earlyStopping", None)


def give_seeds(spec: dict[str, Any], rng: Random) -> None:
    """Plant some points; of one the result is known, so that it is never run."""
    points = [{"x": x, "y": y} for x in ("0.0", "0.25", "0.5") for y in ("a", "b")]
    chosen = rng.sample(points, rng.randint(1, 4))
    if any(it["name"] == "z" for it in spec["parameters"]):
        chosen = [{**it, "z": "0"} if it["y"] == "a" else it for it in chosen]
    spec["seedTrials"] = [{"parameters": it} for it in chosen]
    if rng.random() < 0.5:
        spec["seedTrials"].insert(0, {**spec["seedTrials"].pop(), "observation": {"loss": 0.5, "size": 0.5}})


def begin_from(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Let the second Experiment learn from the first, which is there by then unless a client has deleted it."""
    second["warmStartFrom"] = ["sim-0"]
    second.pop("constraints", None)
    if "objectives" not in first:
        second.pop("objectives", None)
        second["objective"] = {"type": "minimize", "objectiveMetricName": "loss"}
