"""ENAS and DARTS: what a Trial gets, what the controller learns, and what is refused."""

import json
import math
from typing import Any

import numpy as np
import pytest

from events.suggestion import Algorithm
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.controller import ControllerSettings, Weights, loss_of, write
from functions.suggestion.algorithms.tape import backpropagate
from functions.suggestion.graph import space_of
from functions.suggestion.search_space import Row
from tests.unit.nas_requests import GRAPH, OPERATIONS, a_nas_request, a_nas_spec, values_of


def test_a_network_reads_as_katibs_images_read_it() -> None:
    answer = get_algorithm("enas").suggest(a_nas_request("enas", count=3))

    for value in values_of(answer):
        layers, config = value["architecture"], value["nn_config"]
        assert [len(layer) for layer in layers] == [1, 2, 3, 4]
        assert (config["num_layers"], config["input_sizes"], config["output_sizes"]) == (4, [8, 8, 1], [10])
        assert set(config["embedding"]) == {str(layer[0]) for layer in layers}
        for key, choice in config["embedding"].items():
            assert choice["opt_id"] == int(key) < 6
            assert choice["opt_type"] == ("convolution" if int(key) < 4 else "reduction")


def test_the_controllers_gradients_are_those_of_its_loss() -> None:
    settings, rng = ControllerSettings(hidden_size=6), np.random.default_rng(3)
    weights = Weights.begin(6, 4, rng)
    weights.values = {name: value * 40 for name, value in weights.values.items()}
    network = write(weights, settings, 5, rng=rng).chosen

    def loss() -> float:
        return float(loss_of(write(weights, settings, 5, given=network), 0.7, settings).value[0, 0])

    writing = write(weights, settings, 5, given=network)
    backpropagate(loss_of(writing, 0.7, settings))

    for name, value in weights.values.items():
        gradient = writing.nodes[name].gradient
        assert gradient is not None
        for _ in range(6):
            place = tuple(int(rng.integers(size)) for size in value.shape)
            before, step = value[place], 1e-5
            value[place] = before + step
            above = loss()
            value[place] = before - step
            numeric = (above - loss()) / (2 * step)
            value[place] = before
            assert gradient[place] == pytest.approx(numeric, rel=1e-4, abs=1e-7)


def test_it_learns_which_operation_is_good_from_state_alone() -> None:
    settings = {"controller_learning_rate": "0.01", "controller_baseline_decay": "0.9", "controller_train_steps": "12"}
    finished: list[tuple[Row, float]] = []
    state, shares = None, []
    for seed in range(40):
        request = a_nas_request("enas", finished, settings=settings, state=state, count=4, seed=seed)
        answer = get_algorithm("enas").suggest(request)
        state = json.loads(json.dumps(answer.state_after(4)))
        for suggested in answer.suggestions:
            share = sum(suggested.row[place] == 2 for place in (0, 1, 3, 6)) / 4
            shares.append(share)
            finished.append((suggested.row, -share))

    assert np.mean(shares[:20]) < 0.45
    assert np.mean(shares[-20:]) > 0.8


def test_the_state_of_katibs_defaults_is_bounded() -> None:
    weights = Weights.begin(64, 60, np.random.default_rng(0))
    weights.means = {name: value + 1 / 3 for name, value in weights.values.items()}
    weights.squares = {name: value**2 / 7 for name, value in weights.values.items()}

    state = weights.to_manifest()

    again = Weights.from_manifest(state, 64, 60)
    assert len(json.dumps(state)) < 1_000_000
    assert again is not None
    assert again.to_manifest() == state


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, 1e308])
@pytest.mark.parametrize("name", ["enas", "darts"])
def test_no_objective_is_too_strange(name: str, loss: float) -> None:
    width = len(space_of(a_nas_spec(name)).axes)
    finished = [((0.0,) * width, loss), ((9.0,) * width, 1.0)]
    state = get_algorithm(name).suggest(a_nas_request(name)).state_after(1)
    request = a_nas_request(name, finished, state=state, count=2)

    answer = get_algorithm(name).suggest(request)

    assert answer == get_algorithm(name).suggest(request)
    assert len(values_of(answer)) == 2


def test_darts_gives_every_trial_settings_operations_and_layers() -> None:
    request = a_nas_request("darts", count=2, settings={"num_epochs": "3", "w_grad_clip": "None"})

    first, second = values_of(get_algorithm("darts").suggest(request))

    assert first == second
    assert first["num-layers"] == 4
    assert first["search-space"] == ["convolution_3x3", "convolution_5x5", "reduction_2x2", "reduction_3x3"]
    settings = first["algorithm-settings"]
    assert (settings["num_epochs"], settings["w_grad_clip"], settings["batch_size"]) == ("3", None, 128)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("enas", {"controller_size": "1"}, "Unknown Algorithm Setting name: controller_size"),
        (
            "enas",
            {"controller_baseline_decay": "1.5"},
            "Algorithm Setting controller_baseline_decay: 1.5 with float type must be in range (0, 1]",
        ),
        (
            "enas",
            {"controller_hidden_size": "0"},
            "Algorithm Setting controller_hidden_size: 0 with int type must be in range [1, inf)",
        ),
        ("enas", {"controller_temperature": "None"}, None),
        (
            "enas",
            {"controller_skip_weight": "1e400"},
            "Algorithm Setting controller_skip_weight: 1e400 with float type must be in range (0, inf)",
        ),
        (
            "enas",
            {"controller_temperature": "1e-300"},
            "Algorithm Setting controller_temperature: 1e-300 must be 1e-06 or more",
        ),
        (
            "enas",
            {"controller_tanh_const": "1e300"},
            "Algorithm Setting controller_tanh_const: 1e300 must be 1000000 or less",
        ),
        (
            "enas",
            {"controller_hidden_size": "513"},
            "Algorithm Setting controller_hidden_size: 513 must be 512 or less",
        ),
        ("enas", {"controller_entropy_weight": "1e-300"}, None),
        ("darts", {"num_epochs": "0"}, "num_epochs should be greater than zero"),
        ("darts", {"w_lr": "-1"}, "w_lr should be greater than or equal to zero"),
        ("darts", {"batch_size": "0"}, "batch_size should be greater than or equal to one"),
        ("darts", {"batch_size": "None", "w_grad_clip": "None", "unknown": "None"}, None),
        (
            "darts",
            {"num_epochs": "None"},
            "failed to validate num_epochs(None): invalid literal for int() with base 10: 'None'",
        ),
        ("darts", {"w_lr": "None"}, "failed to validate w_lr(None): not a decimal number: 'None'"),
    ],
)
def test_bad_settings_are_refused_in_katibs_words(name: str, settings: dict[str, str], message: str | None) -> None:
    problems = [text for _, text in get_algorithm(name).validate(a_nas_spec(name), settings)]

    assert problems == ([message] if message else [])


@pytest.mark.parametrize(("name", "field"), [("enas", "controller_hidden_size"), ("darts", "num_epochs")])
def test_a_bad_setting_is_found_where_it_stands(name: str, field: str) -> None:
    given = [{"name": "random_state", "value": "1"}] * 2 + [{"name": field, "value": "0"}]
    spec = a_nas_spec(name)
    spec = spec.model_copy(update={"algorithm": Algorithm(algorithm_name=name, algorithm_settings=given)})

    problems = list(get_algorithm(name).validate(spec, {"random_state": "1", field: "0"}))

    assert [path for path, _ in problems] == ["spec.algorithm.algorithmSettings[2].value"]


@pytest.mark.parametrize("name", ["enas", "darts"])
def test_a_template_may_only_ask_for_what_is_assigned(name: str) -> None:
    spec = a_nas_spec(name, ("learning-rate", "${trialSpec.Name}"))

    problems = list(get_algorithm(name).validate(spec, {}))

    assert [path for path, _ in problems] == ["spec.trialTemplate.trialParameters[0].reference"]


@pytest.mark.parametrize("name", ["enas", "darts"])
def test_more_operations_than_can_be_told_are_refused(name: str) -> None:
    sizes = {"name": "size", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "900000000000"}}

    problems = list(
        get_algorithm(name).validate(a_nas_spec(name, operations=[{**OPERATIONS[0], "parameters": [sizes]}]), {})
    )

    assert [path for path, _ in problems] == ["spec.nasConfig.operations"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"operations": [{"operationType": "skip_connection"}]}, "spec.nasConfig.operations[0].parameters"),
        ({"operations": [{"parameters": OPERATIONS[0]["parameters"]}]}, "spec.nasConfig.operations[0].operationType"),
        ({"graphConfig": {**GRAPH, "inputSizes": []}}, "spec.nasConfig.graphConfig.inputSizes"),
        ({"graphConfig": {**GRAPH, "numLayers": 65}}, "spec.nasConfig.graphConfig.numLayers"),
    ],
)
def test_a_graph_that_cannot_be_searched_is_refused(changes: dict[str, Any], path: str) -> None:
    problems = list(get_algorithm("enas").validate(a_nas_spec("enas", **changes), {}))

    assert [found for found, _ in problems] == [path]
