"""Strange histories, states and settings of ENAS and DARTS: every network is one of the space all the same."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.experiment import ExperimentSpec
from events.resource import Manifest
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.algorithms.controller import Weights
from functions.suggestion.algorithms.interface import Answer
from functions.suggestion.graph import choices_of, space_of, to_architecture
from functions.suggestion.search_space import Row
from tests.unit.nas_requests import GRAPH, OPERATIONS, a_nas_request, a_nas_spec, an_operation, values_of

LOSSES = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, 1e308, -1e308, 5e-324]), st.floats(width=64)
)
STRANGE_VALUES = st.sampled_from([-1e9, -0.5, 0.0, 0.3, 1.0, 5.0, 99.0, 1e12])
"""From an earlier graph, too: an operation that is gone, half an operation, a skip that is neither there nor not."""

GRAPHS: list[dict[str, Any]] = [
    {},
    {"graphConfig": {**GRAPH, "numLayers": 1}},
    {"operations": [an_operation("convolution", filter_size=["3"])]},
    {"graphConfig": {**GRAPH, "numLayers": 7}, "operations": [*OPERATIONS, an_operation("skip", factor=["1", "2"])]},
]
WIDE = st.sampled_from(["1e-300", "0.5", "1e6"])
OPTIONAL = WIDE | st.just("None")
TEMPERATURE = st.sampled_from(["1e-6", "0.5", "1e6", "None"])
SHARE = st.sampled_from(["1e-300", "0.5", "1"])
ENAS_SETTINGS = st.fixed_dictionaries(
    {"controller_train_steps": st.sampled_from(["1", "3"])},
    optional={
        "controller_hidden_size": st.sampled_from(["1", "7"]),
        "controller_temperature": TEMPERATURE,
        "controller_tanh_const": OPTIONAL,
        "controller_entropy_weight": OPTIONAL,
        "controller_skip_weight": OPTIONAL,
        "controller_baseline_decay": SHARE,
        "controller_learning_rate": SHARE,
        "controller_skip_target": SHARE,
    },
)
DARTS_SETTINGS = st.dictionaries(
    st.sampled_from(["num_epochs", "batch_size", "theirs", "w_lr"]), st.just("None") | WIDE
)

strange = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def histories(spec: ExperimentSpec) -> st.SearchStrategy[list[tuple[Row, float]]]:
    axes = space_of(spec).axes
    rows = st.tuples(*(st.sampled_from([axis.low, axis.high]) | STRANGE_VALUES for axis in axes))
    one_loss = st.tuples(st.lists(rows, min_size=3, max_size=9), LOSSES).map(lambda it: [(row, it[1]) for row in it[0]])
    return st.lists(st.tuples(rows, LOSSES), max_size=9) | one_loss


@strange
@given(data=st.data())
def test_no_history_no_setting_and_no_state_is_too_strange_for_enas(data: st.DataObject) -> None:
    spec = a_nas_spec("enas", **data.draw(st.sampled_from(GRAPHS)))
    given_settings = data.draw(ENAS_SETTINGS)
    request = a_nas_request(
        "enas",
        data.draw(histories(spec)),
        spec=spec,
        settings=given_settings,
        state=data.draw(st.none() | st.builds(an_earlier_state)),
        count=data.draw(st.integers(1, 3)),
        seed=data.draw(st.integers(0, 2**32 - 1)),
    )

    answer = get_algorithm("enas").suggest(request)

    assert list(get_algorithm("enas").validate(spec, given_settings)) == []
    assert answer == get_algorithm("enas").suggest(request)
    assert len(answer.suggestions) == request.count
    assert_networks(spec, answer)
    assert_finite(answer.state_after(request.count))


def an_earlier_state() -> Manifest | None:
    """Return what a search of another graph and another width left behind."""
    return get_algorithm("enas").suggest(a_nas_request("enas", settings={"controller_hidden_size": "3"})).state


@strange
@given(data=st.data())
def test_no_history_and_no_setting_is_too_strange_for_darts(data: st.DataObject) -> None:
    spec = a_nas_spec("darts", **data.draw(st.sampled_from(GRAPHS)))
    losses = data.draw(st.lists(LOSSES, max_size=9))
    request = a_nas_request(
        "darts", [((), loss) for loss in losses], spec=spec, settings=data.draw(DARTS_SETTINGS), count=2
    )

    answer = get_algorithm("darts").suggest(request)

    assert answer == get_algorithm("darts").suggest(request)
    assert [set(value) for value in values_of(answer)] == [{"algorithm-settings", "search-space", "num-layers"}] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"controller_hidden_size": "9"}},
        {"spec": a_nas_spec("enas", operations=OPERATIONS[:1])},
        {"state": {}},
    ],
    ids=["width", "operations", "nothing in it"],
)
def test_a_controller_of_other_sizes_begins_anew_and_learns_everything_again(change: dict[str, Any]) -> None:
    finished: list[tuple[Row, float]] = [((0.0,) * 10, 0.5), ((1.0,) * 10, 0.25)]
    state = get_algorithm("enas").suggest(a_nas_request("enas", finished)).state_after(1)

    changed = get_algorithm("enas").suggest(a_nas_request("enas", finished, **{"state": state, **change}))

    fresh = get_algorithm("enas").suggest(a_nas_request("enas", finished, **{**change, "state": None}))
    assert changed == fresh


@pytest.mark.parametrize("name", ["skip_weight", "entropy_weight", "temperature", "tanh_const"])
@pytest.mark.parametrize("text", ["1e-310", "1e-300", "1e300"])
def test_absurd_settings_leave_weights_that_can_be_stored(name: str, text: str) -> None:
    lr, decay = {"controller_learning_rate": "1"}, {"controller_baseline_decay": "0.5"}
    absurd = {f"controller_{name}": text, "controller_tanh_const": "None", **lr, **decay}
    rows: list[Row] = [(0.0,) * 10, (0.0, 1.0, 1.0, 2.0, 0.0, 0.0, 3.0, 1.0, 1.0, 1.0)]

    finished = [(row, loss) for row, loss in zip(rows, (1e308, -1e308), strict=True)]
    answer = get_algorithm("enas").suggest(a_nas_request("enas", finished, settings=absurd))

    assert_finite(answer.state)


def assert_networks(spec: ExperimentSpec, answer: Answer) -> None:
    assert spec.nas_config is not None
    choices, space = choices_of(spec.nas_config), space_of(spec)
    for suggested, value in zip(answer.suggestions, values_of(answer), strict=True):
        assert space.snap(suggested.row) == suggested.row
        assert value["architecture"] == to_architecture(suggested.row)
        for number, choice in value["nn_config"]["embedding"].items():
            assert choice["opt_type"] == choices[int(number)].type


def assert_finite(state: Manifest | None) -> None:
    assert state is not None
    read = json.loads(json.dumps(state, allow_nan=False))
    weights = Weights.from_manifest(read, read["hidden"], read["choices"])
    assert weights is not None
    for part in (weights.values, weights.means, weights.squares):
        assert all(np.isfinite(array).all() for array in part.values())
