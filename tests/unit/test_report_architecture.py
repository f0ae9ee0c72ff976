"""The architecture in the report: drawn from what searches really decide, or shown as text with the reason why not."""

import re
from collections.abc import Sequence
from html import escape
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.search_space import ParameterAssignment
from functions.experiment.model import Experiment
from functions.suggestion.algorithms import get_algorithm
from functions.suggestion.graph import to_architecture
from functions.trial.model import Trial
from local_runner.report.architecture import render_architecture
from local_runner.report.diagram import ArchitectureError, Box, BoxKind, Diagram, Link
from local_runner.report.drawing import draw
from local_runner.report.genotype import read_genotype
from local_runner.report.layout import BOX_HEIGHT, Layout, lay_out
from local_runner.report.material import Material
from local_runner.report.networks import read_network
from local_runner.report.page import render_page
from tests.builders import an_experiment
from tests.unit.cli_material import add_trial, finish, report
from tests.unit.nas_requests import a_nas_request, nas_fields

GENOTYPE = (
    "Genotype(normal=[[('max_pooling_3x3',0),('separable_convolution_3x3',1)],[('skip_connection',1),"
    "('separable_convolution_5x5',2)]],normal_concat=range(2,4),reduce=[[('skip_connection',0),"
    "('max_pooling_3x3',1)],[('max_pooling_3x3',0),('dilated_convolution_3x3',2)]],reduce_concat=range(2,4))"
)
FLAT = (
    "Genotype(normal=[('max_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 1), ('sep_conv_5x5', 2)], "
    "normal_concat=[2, 3], reduce=[], reduce_concat=range(2, 4))"
)
NN_CONFIG = "{'embedding': {'0': {'opt_type': 'convolution'}}}"


def a_nas_past(
    *values: str, algorithm: str = "enas", given: Sequence[ParameterAssignment] = ()
) -> tuple[Experiment, list[Trial]]:
    metric = "Best-Genotype" if algorithm == "darts" else "accuracy"
    experiment = an_experiment(**nas_fields(algorithm), objective={"type": "maximize", "objectiveMetricName": metric})
    trials = []
    for number, value in enumerate(values, start=1):
        trial = add_trial(experiment, number)
        trial.assignments = tuple(given)
        finish(experiment, report(trial, value, name=metric))
        trials.append(trial)
    return experiment, trials


def decided(seed: int = 7) -> tuple[tuple[ParameterAssignment, ...], list[list[int]]]:
    """Return what ENAS gives a Trial, and the layers that it means."""
    (suggested,) = get_algorithm("enas").suggest(a_nas_request("enas", seed=seed)).suggestions
    return suggested.assignments or (), to_architecture(suggested.row)


def test_a_network_of_enas_is_drawn_layer_by_layer_with_its_skips() -> None:
    given, layers = decided()

    diagram = read_network(*(it.value for it in given))

    names = [[box.text for box in row] for row in diagram.rows]
    assert names[0] == ["Input (8 × 8 × 1)"]
    assert names[-1] == ["Output (10)"]
    operations = [re.fullmatch(r"(\d+): (convolution|reduction) \(.*=.*\)", text) for (text,) in names[1:-1]]
    assert [found and int(found[1]) for found in operations] == [1, 2, 3, 4]
    skips = {
        (source, number) for number, (_, *flags) in enumerate(layers, start=1) for source, f in enumerate(flags) if f
    }
    chain = {(number, number + 1) for number in range(5)}
    assert {(link.source, link.target) for link in diagram.links} == chain | skips


def test_a_genotype_is_drawn_as_two_cells_of_nodes_and_operations() -> None:
    normal, reduction = read_genotype(GENOTYPE)

    assert (normal.title, reduction.title) == ("Normal cell", "Reduction cell")
    assert normal.sentences() == [
        "max_pooling_3x3 from c(k-2)",
        "separable_convolution_3x3 from c(k-1)",
        "node 0 from max_pooling_3x3, separable_convolution_3x3",
        "skip_connection from c(k-1)",
        "separable_convolution_5x5 from node 0",
        "node 1 from skip_connection, separable_convolution_5x5",
        "c(k) (joined) from node 0, node 1",
    ]


def test_a_genotype_as_the_paper_writes_it_is_the_same_and_an_empty_cell_is_left_out() -> None:
    (normal,) = read_genotype(FLAT)

    assert normal.links == read_genotype(GENOTYPE)[0].links


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Genotype(", "not written as"),
        (GENOTYPE[:-30], "not written as"),
        ("Genotype(normal=[[('a',0)]],normal_concat=[2],reduce=[1,reduce_concat=[2])", "not written as"),
        (GENOTYPE.replace("',0)", "',7)"), "node 0 takes from 7"),
        (GENOTYPE.replace("',0)", "',-1)"), "greater than or equal to 0"),
        (GENOTYPE.replace("range(2,4)", "range(2,99999)"), "the output joins 4"),
        (GENOTYPE.replace("range(2,4)", "somewhere"), "somewhere is no list of nodes"),
        (GENOTYPE.replace("('max_pooling_3x3',0)", "__import__('os')"), "normal"),
        ("Genotype(normal=[],normal_concat=[],reduce=[],reduce_concat=[])", "both cells are empty"),
        (f"Genotype(normal={'[' * 9999}{']' * 9999},normal_concat=[],reduce=[],reduce_concat=[])", ""),
    ],
)
def test_a_genotype_that_cannot_be_drawn_says_why(text: str, reason: str) -> None:
    with pytest.raises(ArchitectureError) as raised:
        read_genotype(text)

    assert reason == "normal" or reason in str(raised.value)


@pytest.mark.parametrize(
    ("architecture", "nn_config", "reason"),
    [
        ("[[0], [0, 1]", NN_CONFIG, "the text"),
        ("[]", NN_CONFIG, "at least 1 item"),
        ("[[0], []]", NN_CONFIG, "layers.1"),
        ("[[0], [9, 1]]", NN_CONFIG, "layer 2 is operation 9"),
        ("[[0, 1]]", NN_CONFIG, "layer 1 has the skips [1]"),
        ("[[0], [0, 2]]", NN_CONFIG, "layer 2 has the skips [2]"),
        ("[[0]]", "{'embedding': {'0': {}}}", "embedding.0.opt_type"),
        ("[[0]]", "it's no JSON", "the text"),
    ],
)
def test_a_network_that_cannot_be_drawn_says_why(architecture: str, nn_config: str, reason: str) -> None:
    with pytest.raises(ArchitectureError, match=re.escape(reason)):
        read_network(architecture, nn_config)


def test_the_page_shows_the_best_network_and_leaves_out_plots_of_parameters() -> None:
    given, layers = decided()

    page = render_page(Material(*a_nas_past("0.5", "0.75", given=given)))

    (figure,) = figures_of(page)
    assert len(figure.findall(".//rect")) == len(layers) + 2
    assert "Optimization history" in page
    assert "Parallel coordinates" not in page


def test_the_page_shows_the_cells_of_a_genotype() -> None:
    page = render_page(Material(*a_nas_past(GENOTYPE, algorithm="darts")))

    assert len(figures_of(page)) == 2
    assert "The objective is a text" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_what_cannot_be_drawn_is_shown_as_it_is_with_a_note() -> None:
    section = render_architecture(a_nas_past("Genotype(<script>)", algorithm="darts")[0])

    assert "The architecture cannot be drawn: it is not written as" in section
    assert "<pre>Genotype(&lt;script&gt;)</pre>" in section


def test_a_search_of_another_kind_shows_what_its_trial_got() -> None:
    given = [ParameterAssignment(name="net", value="a-b-c")]

    section = render_architecture(a_nas_past("0.5", given=given)[0])

    assert "was given no architecture and nn_config" in section
    assert "<pre>a-b-c</pre>" in section


def test_before_the_first_result_there_is_no_best_architecture() -> None:
    assert "no best architecture" in render_architecture(a_nas_past()[0])


def test_a_search_of_parameters_has_no_such_section() -> None:
    assert render_architecture(an_experiment()) == ""


def test_names_are_no_markup_and_long_ones_are_cut_but_whole_in_the_words() -> None:
    name = "<script>alert(1)</script>" * 9
    (cell,) = read_genotype(FLAT.replace("max_pool_3x3", name))

    figure = draw(cell, "figure")

    assert "<script>" not in figure
    (svg,) = figures_of(figure)
    texts = [it.text or "" for it in svg.iter("text")]
    assert name not in texts
    assert any(text.endswith("…") and name.startswith(text[:-1]) for text in texts)
    assert escape(f"{name} from c(k-2)") in figure


def test_the_drawing_has_a_title_and_says_all_of_it_in_words() -> None:
    (cell,) = read_genotype(FLAT)

    (svg,) = figures_of(draw(cell, "cell"))

    named = {it.get("id"): it.text for it in svg.iter() if it.get("id")}
    title, text = (svg.get("aria-labelledby") or "").split()
    assert (svg.get("role"), named[title]) == ("img", "Normal cell")
    assert named[text] == "; ".join(cell.sentences())


@st.composite
def networks(draw: st.DrawFn) -> Diagram:
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=12))
    rows = tuple(
        tuple(Box(draw(st.text("ab", min_size=1, max_size=30)), BoxKind.OPERATION) for _ in range(size))
        for size in (*sizes, 1)
    )
    numbers = [number for number, row in enumerate(rows) for _ in row]
    pairs = [(low, high) for low, high in combinations(range(len(numbers)), 2) if numbers[low] < numbers[high]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=40))
    return Diagram("any", rows, tuple(Link(*pair) for pair in chosen))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(diagram=networks())
def test_nothing_overlaps_and_everything_is_on_the_page(diagram: Diagram) -> None:
    layout = lay_out(diagram)

    for one, other in combinations(layout.places, 2):
        is_apart = abs(one.x - other.x) >= (one.width + other.width) / 2
        assert is_apart or abs(one.y - other.y) >= BOX_HEIGHT
    for x, y in (point for line in layout.lines for point in line):
        assert 0 <= x <= layout.width
        assert 0 <= y <= layout.height
    assert_ways_are_free(diagram, layout)


def assert_ways_are_free(diagram: Diagram, layout: Layout) -> None:
    """Check that a lane belongs to one box at each height, and runs through none."""
    lanes = [
        (link.source, line[1][0], line[1][1], line[2][1])
        for link, line in zip(diagram.links, layout.lines, strict=True)
        if len(line) > 2
    ]
    for one, other in combinations(lanes, 2):
        if one[0] != other[0] and one[1] == other[1]:
            assert one[3] <= other[2] or other[3] <= one[2]
    for place in layout.places:
        assert all(abs(lane[1] - place.x) > place.width / 2 for lane in lanes)


def test_the_largest_network_is_still_a_page_wide() -> None:
    layers = [[0, *[1] * number] for number in range(64)]

    layout = lay_out(read_network(str(layers), NN_CONFIG))

    assert layout.width < 1_000
    assert len(layout.lines) == 65 + sum(range(64))


def figures_of(page: str) -> list[ET.Element]:
    """Return the drawings, which must be sound XML."""
    return [ET.fromstring(text) for text in re.findall(r"<svg width.*?</svg>", page)]
