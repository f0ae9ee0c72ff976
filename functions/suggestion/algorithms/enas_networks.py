"""The networks that ENAS' controller writes, and what it learns from those that were trained."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from events.resource import Manifest
from events.search_space import NasConfig, ParameterAssignment
from functions.suggestion.algorithms.blas import one_thread
from functions.suggestion.algorithms.controller import ControllerSettings, Weights, train, write
from functions.suggestion.algorithms.enas_rules import ASSIGNED, SETTING_RULES
from functions.suggestion.algorithms.interface import Answer, Request, Suggested
from functions.suggestion.algorithms.quoting import to_quoted
from functions.suggestion.graph import Choice, choices_of, count_choices, layers_of, to_architecture
from functions.suggestion.search_space import Row

TRAIN_STEPS = "controller_train_steps"
DEFAULT_TRAIN_STEPS = 50


def answer_networks(request: Request) -> Answer:
    """Learn from what has finished since the last answer, then write networks."""
    config, settings = request.spec.nas_config or NasConfig(), read_controller(request.settings)
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):  # settings may be as extreme as Katib allows
        weights, seen = _recall(request, settings, count_choices(config))
        _learn(request, weights, settings, seen)
        rng = np.random.default_rng(request.seed)
        layers = layers_of(config.graph_config)
        networks = [write(weights, settings, layers, rng=rng).chosen for _ in range(request.count)]
    choices = choices_of(config)
    rows = [tuple(map(float, network)) for network in networks]
    suggestions = tuple(Suggested(row, assignments=_assign(row, config, choices)) for row in rows)
    state: Manifest = {**weights.to_manifest(), "seen": len(request.history)}
    return Answer(suggestions, state)


def read_controller(settings: Mapping[str, str]) -> ControllerSettings:
    """Read settings that validation has nothing against."""
    given = {
        name.removeprefix("controller_"): None if text == "None" else SETTING_RULES[name].read(text)
        for name, text in settings.items()
        if name in SETTING_RULES and name.removeprefix("controller_") in ControllerSettings.__dataclass_fields__
    }
    return ControllerSettings(**given)  # type: ignore[arg-type]  # each rule reads its field's type


def _recall(request: Request, settings: ControllerSettings, choices: int) -> tuple[Weights, int]:
    """Return the weights, and how many finished Trials they have learnt from; new ones where the sizes have changed."""
    state = request.state or {}
    weights, seen = Weights.from_manifest(state, settings.hidden_size, choices), state.get("seen")
    if weights is None or not isinstance(seen, int):
        rng = np.random.default_rng(request.experiment_seed)
        return Weights.begin(settings.hidden_size, choices, rng), 0
    return weights, seen


def _learn(request: Request, weights: Weights, settings: ControllerSettings, seen: int) -> None:
    """Share the steps of one answer among the networks that are new; without a number nothing is learnt."""
    rows, losses = request.history.rows[seen:].tolist(), request.history.values[seen:].tolist()
    space = request.space
    new: list[tuple[list[int], float]] = [
        ([int(value) for value in space.snap(tuple(row))], -loss)
        for row, loss in zip(rows, losses, strict=True)
        if not math.isnan(loss)
    ]
    layers = layers_of((request.spec.nas_config or NasConfig()).graph_config)
    steps = int(request.settings.get(TRAIN_STEPS) or DEFAULT_TRAIN_STEPS) if new else 0
    for step in range(steps):
        network, reward = new[step % len(new)]
        train(weights, settings, layers, network, reward)


def _assign(row: Row, config: NasConfig, choices: list[Choice]) -> tuple[ParameterAssignment, ...]:
    """Write a network as Katib's images read it; the embedding tells of the operations that it uses."""
    layers, graph = to_architecture(row), config.graph_config
    used = sorted({layer[0] for layer in layers})
    embedding: Manifest = {
        str(it): {"opt_id": it, "opt_type": choices[it].type, "opt_params": dict(choices[it].parameters)} for it in used
    }
    written: Manifest = {
        "num_layers": layers_of(graph),
        "input_sizes": list(graph.input_sizes),
        "output_sizes": list(graph.output_sizes),
        "embedding": embedding,
    }
    values: Final = (to_quoted([list(layer) for layer in layers]), to_quoted(written))
    return tuple(ParameterAssignment(name=name, value=value) for name, value in zip(ASSIGNED, values, strict=True))
