"""Searches for an architecture, to their ends with real Workers that read what they are given, and their reports."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from events.envelope import new_id
from events.experiment import ExperimentCreated
from infra.settings import Settings
from local_runner.report.material import Material
from local_runner.report.page import render_page
from tests.builders import a_reference, an_experiment_manifest
from tests.integration.embedded_rig import clean_up, quick_settings, run
from tests.unit.nas_requests import nas_fields

READ = "import json, sys; given = [json.loads(text.replace(chr(39), chr(34))) for text in sys.argv[1:]]; "
ENAS_WORKER = READ + (
    "layers, config = given; kinds = [config['embedding'][str(it[0])]['opt_type'] for it in layers]; "
    "print('accuracy=%f' % (kinds.count('reduction') / len(kinds)))"
)
DARTS_WORKER = READ + (
    "settings, names, layers = given; node = [(names[0], 0), (names[-1], layers - 3)]; "
    "cell = str([node] * int(settings['num_nodes'])).replace(' ', ''); "
    "print(f'Best-Genotype=Genotype(normal={cell},normal_concat=range(2,4),reduce={cell},reduce_concat=range(2,4))')"
)


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    settings = quick_settings(tmp_path)
    yield settings
    await clean_up(settings)


def a_nas_experiment(name: str, worker: str, metric: str, references: list[str], **spec: Any) -> ExperimentCreated:
    placeholders = [f"${{trialParameters.p{index}}}" for index in range(len(references))]
    template = {
        "primaryContainerName": "main",
        "trialParameters": [{"name": f"p{index}", "reference": each} for index, each in enumerate(references)],
        "trialSpec": {
            "apiVersion": "kuttab.dev/v1",
            "kind": "Process",
            "spec": {"command": [sys.executable, "-c", worker, *placeholders]},
        },
    }
    fields = {**nas_fields(name), "trialTemplate": template, "maxTrialCount": 4, **spec}
    fields["objective"] = {"type": "maximize", "objectiveMetricName": metric}
    resource = an_experiment_manifest(name=name, **fields)
    return ExperimentCreated(experiment=a_reference(new_id(), name=name), resource=resource)


@pytest.mark.slow
async def test_enas_workers_train_the_network_that_the_report_draws(settings: Settings) -> None:
    event = a_nas_experiment("enas", ENAS_WORKER, "accuracy", ["architecture", "nn_config"])

    ((experiment, trials),) = await run(settings, event)

    assert experiment.succeeded == 4
    for trial in trials:
        given = {it.name: json.loads(it.value.replace("'", '"')) for it in trial.assignments}
        kinds = [given["nn_config"]["embedding"][str(layer[0])]["opt_type"] for layer in given["architecture"]]
        assert trial.value == kinds.count("reduction") / 4
    page = render_page(Material(experiment, trials))
    assert page.count('<figure class="architecture">') == 1


@pytest.mark.slow
async def test_darts_workers_report_a_genotype_that_the_report_draws(settings: Settings) -> None:
    references = ["algorithm-settings", "search-space", "num-layers"]
    source = {"filter": {"metricsFormat": [r"([\w-]+)=(Genotype.*)"]}}
    collector = {"collector": {"kind": "StdOut"}, "source": source}
    setting = {"algorithmName": "darts", "algorithmSettings": [{"name": "num_nodes", "value": "2"}]}
    event = a_nas_experiment(
        "darts", DARTS_WORKER, "Best-Genotype", references, algorithm=setting, metricsCollectorSpec=collector
    )

    ((experiment, trials),) = await run(settings, event)

    assert experiment.succeeded == 4
    assert experiment.optimal is not None
    (metric,) = experiment.optimal.observation.metrics
    assert metric.latest.startswith("Genotype(normal=[[('convolution_3x3',0),('reduction_3x3',1)],[")
    assert (metric.min, metric.max) == ("unavailable", "unavailable")
    assert render_page(Material(experiment, trials)).count('<figure class="architecture">') == 2
