"""Every kind of metrics collector from the Experiment to its observation, with Workers that are processes."""

import sys
from pathlib import Path
from typing import Any

import pytest

from functions.trial.model import TrialState
from tests.integration.embedded_rig import a_process_experiment, quick_settings, run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EVENTS = """
import os
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
writer = EventFileWriter(os.environ["KUTTAB_METRICS_DIRECTORY"])
for step, loss in enumerate([3, 2]):
    summary = Summary(value=[Summary.Value(tag="loss", simple_value=loss)])
    writer.add_event(Event(wall_time=1_700_000_000.0 + step, step=step, summary=summary))
writer.close()
"""
ENDPOINT = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Metrics(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"# TYPE loss gauge\\nloss {losses.pop(0)}\\n".encode())
losses = [3, 2]
server = HTTPServer(("127.0.0.1", int(os.environ["KUTTAB_METRICS_PORT"])), Metrics)
while losses: server.handle_request()
"""
PUSH = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from events import report_metrics\n"


def a_shell(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script, "worker", "${trialParameters.x}")


def a_python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script, "${trialParameters.x}")


def a_file(kind: str = "File", **fields: str) -> dict[str, Any]:
    return {"fileSystemPath": {"path": "/var/log/katib/out", "kind": kind, **fields}}


TEXT = 'for loss in 3 2; do echo "epoch 1: loss=$loss"; done'
JSON = """echo '{"loss": 3}'; echo '{"loss": "2"}'"""
CUSTOM = {
    "kind": "Custom",
    "customCollector": {
        "name": "collector",
        "image": "none",
        "command": ["/bin/sh", "-c", f"trap '' TERM; {TEXT}"],
    },
}
# kind or collector, source, command, the smallest, largest and latest value
CASES: dict[str, tuple[Any, Any, tuple[str, ...], tuple[str, str, str]]] = {
    "stdout": ("StdOut", None, a_shell(f"{{ {TEXT}; }} >&2"), ("2", "3", "2")),
    "file as text": ("File", a_file(), a_shell(f'{{ {TEXT}; }} >> "$KUTTAB_METRICS_FILE"'), ("2", "3", "2")),
    "file as json": ("File", a_file(format="JSON"), a_shell(f"{{ {JSON}; }} >> /var/log/katib/out"), ("2", "3", "2")),
    "event files": ("TensorFlowEvent", a_file("Directory"), a_python(EVENTS), ("2.0", "3.0", "2.0")),
    "endpoint": ("PrometheusMetric", None, a_python(ENDPOINT), ("2.0", "3.0", "2.0")),
    "custom": (CUSTOM, None, a_shell("true"), ("2", "3", "2")),
    "push": ("Push", None, a_python(f"{PUSH}for loss in 3, 2: report_metrics({{'loss': loss}})"), ("2", "3", "2")),
}


@pytest.mark.parametrize(("collector", "source", "command", "values"), CASES.values(), ids=CASES)
async def test_what_a_worker_reports_becomes_the_observation_of_its_trial(
    tmp_path: Path, collector: Any, source: Any, command: tuple[str, ...], values: tuple[str, str, str]
) -> None:
    kind = {"kind": collector} if isinstance(collector, str) else collector
    spec = {"collector": kind, **({"source": source} if source else {})}

    ((experiment, (trial,)),) = await run(
        quick_settings(tmp_path), a_process_experiment(*command, metricsCollectorSpec=spec)
    )

    assert trial.state == TrialState.SUCCEEDED, trial.message
    (metric,) = trial.fold.to_observation(experiment.objective).metrics
    assert (metric.min, metric.max, metric.latest) == values
