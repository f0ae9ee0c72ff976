"""Builders for the tests of architecture search: graphs, requests, and what a Trial gets, read back."""

import json
from typing import Any

from events.experiment import ExperimentSpec
from functions.suggestion.algorithms.interface import Answer, Request
from functions.suggestion.graph import space_of
from functions.suggestion.search_space import Row
from tests.unit.algorithm_requests import a_request


def an_operation(kind: str, **lists: list[str]) -> dict[str, Any]:
    parameters = [
        {"name": name, "parameterType": "categorical", "feasibleSpace": {"list": values}}
        for name, values in lists.items()
    ]
    return {"operationType": kind, "parameters": parameters}


OPERATIONS = [
    an_operation("convolution", filter_size=["3", "5"], stride=["1", "2"]),
    {
        "operationType": "reduction",
        "parameters": [
            {"name": "pool", "parameterType": "int", "feasibleSpace": {"min": "2", "max": "3", "step": "1"}}
        ],
    },
]
GRAPH = {"numLayers": 4, "inputSizes": [8, 8, 1], "outputSizes": [10]}


def a_nas_spec(algorithm: str, references: tuple[str, ...] = (), **changes: Any) -> ExperimentSpec:
    parameters = [{"name": f"p{index}", "reference": name} for index, name in enumerate(references)]
    config = {"graphConfig": GRAPH, "operations": OPERATIONS} | changes
    return ExperimentSpec.model_validate(
        {
            "algorithm": {"algorithmName": algorithm},
            "nasConfig": config,
            "trialTemplate": {"trialParameters": parameters},
        }
    )


def a_nas_request(
    algorithm: str,
    finished: list[tuple[Row, float]] | None = None,
    *,
    spec: ExperimentSpec | None = None,
    **fields: Any,
) -> Request:
    spec = spec or a_nas_spec(algorithm)
    data = spec.model_dump(by_alias=True)
    return a_request(space_of(spec), finished=finished or [], **fields, **data)


def values_of(answer: Answer) -> list[dict[str, Any]]:
    return [
        {it.name: json.loads(it.value.replace("'", '"')) for it in suggested.assignments or ()}
        for suggested in answer.suggestions
    ]


def nas_fields(algorithm: str, **changes: Any) -> dict[str, Any]:
    """Return the fields that make an Experiment a search for an architecture."""
    worker = {"apiVersion": "kuttab.dev/v1", "kind": "Simulated", "spec": {"command": ["train"]}}
    return {
        "algorithm": {"algorithmName": algorithm},
        "parameters": [],
        "nasConfig": {"graphConfig": GRAPH, "operations": OPERATIONS, **changes},
        "trialTemplate": {"primaryContainerName": "main", "trialSpec": worker},
    }
