"""An algorithm of the user's behind a URL drives an Experiment from its first Trial to its end."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.integration.embedded_rig import a_shell_experiment, quick_settings, run

pytestmark = pytest.mark.slow


class Halving(BaseHTTPRequestHandler):
    """Suggests half of the last point, one at a time, and ends after the third; it remembers nothing itself."""

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        place = (question["state"] or {"place": 1.0})["place"] / 2
        suggestions = [{"parameters": {"x": place}}]
        answer = {"suggestions": suggestions, "state": {"place": place}, "isEnd": place < 0.2}
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


async def test_a_server_searches_an_experiment_to_its_end(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Halving)
    Thread(target=server.serve_forever, daemon=True).start()
    settings = [{"name": "url", "value": f"http://127.0.0.1:{server.server_address[1]}/"}]
    algorithm = {"algorithmName": "http", "algorithmSettings": settings}
    event = a_shell_experiment("echo loss=$1", trials=9, parallelTrialCount=1, algorithm=algorithm)

    ((experiment, trials),) = await run(quick_settings(tmp_path), event)
    server.shutdown()
    server.server_close()

    assert sorted(trial.value or 0 for trial in trials) == [0.125, 0.25, 0.5]
    assert experiment.conditions[-1].reason == "ExperimentSuggestionEndReached"
