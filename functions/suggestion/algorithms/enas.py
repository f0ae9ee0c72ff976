"""ENAS: a controller writes networks, Workers train them, and it learns from what each of them was worth."""

from collections.abc import Iterator, Mapping

from events.experiment import ExperimentSpec
from events.search_space import NasConfig
from functions.suggestion.algorithms.enas_rules import ASSIGNED, validate_enas_settings
from functions.suggestion.algorithms.graph_rules import is_sound, validate_graph, validate_sizes
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.graph import MAX_LAYERS, count_choices, layers_of
from functions.suggestion.search_space import Problem

MAX_CHOICES = 4_096
"""Operations with their parameters: the controller has a row of weights for each."""


class Enas:
    """Katib's `enas`, trained on every recorded network with its own objective. It remembers its weights."""

    def validate(self, spec: ExperimentSpec, settings: Mapping[str, str]) -> Iterator[Problem]:
        """Yield what is wrong with graph, template and settings, in Katib's words."""
        problems = [*validate_graph(spec, ASSIGNED), *validate_sizes(spec)]
        yield from problems
        yield from validate_enas_settings(spec, settings)
        yield from _validate_size(spec)

    def suggest(self, request: Request) -> Answer:
        """Learn from what has finished since the last answer, then write networks."""
        from functions.suggestion.algorithms.enas_networks import answer_networks

        return answer_networks(request)


def _validate_size(spec: ExperimentSpec) -> Iterator[Problem]:
    config = spec.nas_config or NasConfig()
    if layers_of(config.graph_config) > MAX_LAYERS:
        yield "spec.nasConfig.graphConfig.numLayers", f"must be {MAX_LAYERS} or less"
    if is_sound(config.operations) and count_choices(config) > MAX_CHOICES:
        yield "spec.nasConfig.operations", f"must have {MAX_CHOICES} combinations of values or less"


ENAS = Enas()
