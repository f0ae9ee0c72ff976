"""Algorithms of the user's: an installed package's, and a server's."""

import json
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions.experiment.admission import read_experiment
from functions.suggestion.algorithms import get_algorithm, known_names
from functions.suggestion.algorithms.remote_messages import Question, Reply
from functions.suggestion.searching import Claim, SearchError, search
from tests.builders import an_experiment_manifest
from tests.unit.algorithm_requests import MIXED, a_parameter, a_request, a_space

DOCS = Path(__file__).parents[2] / "docs"
Answering = Callable[[dict[str, Any]], tuple[int, bytes]]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the example of the documentation as a package."""
    page = (DOCS / "algorithms.md").read_text()
    (tmp_path / "middle_of_space.py").write_text(page.split("```python\n")[1].split("```")[0])
    about = tmp_path / "middle_of_space-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: middle-of-space\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        "[kuttab.algorithms]\nmiddle = middle_of_space:MIDDLE\nbroken = no_such_module:IT\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("middle_of_space", None)


def read(name: str, **settings: str) -> list[str]:
    pairs = [{"name": key, "value": value} for key, value in settings.items()]
    manifest = an_experiment_manifest(algorithm={"algorithmName": name, "algorithmSettings": pairs})
    return [str(error) for error in read_experiment(manifest).errors]


@pytest.mark.usefixtures("installed")
def test_an_installed_algorithm_searches() -> None:
    request = a_request(a_space(a_parameter("x", "double", min=0, max=1)))

    answer = search(Claim(uid="", token="", seq=0, algorithm="middle", request=request))

    assert [it.row for it in answer.suggestions] == [(0.5,)]
    assert answer.state_after(1) == {"asked": 1}
    assert read("middle") == []
    assert read("middle", a="1") == ["spec.algorithm.algorithmSettings: middle has no settings"]
    assert {"middle", "random"} <= set(known_names())


@pytest.mark.usefixtures("installed")
def test_a_package_that_cannot_be_loaded_says_so() -> None:
    (error,) = read("broken")

    assert error.endswith("algorithm broken: its package cannot be loaded: No module named 'no_such_module'")


@pytest.fixture
def serve() -> Iterator[Callable[[Answering], str]]:
    """Return what starts a server that answers so, and gives its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(answering: Answering) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, text = answering(json.loads(body))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/suggest"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_server_is_asked_by_the_schema_and_its_answer_is_used(serve: Callable[[Answering], str]) -> None:
    questions: list[dict[str, Any]] = []

    def answering(question: dict[str, Any]) -> tuple[int, bytes]:
        questions.append(question)
        suggestion = {"parameters": question["trials"][0]["parameters"], "labels": {"a": "b"}}
        answer = {"suggestions": [suggestion] * 2, "state": {"n": 1}, "isEnd": True, "note": "done"}
        return 200, json.dumps(answer).encode()

    space = a_space()
    past = [(space.to_row(space.to_assignments(tuple(axis.low for axis in space.axes))), float("nan"))]
    settings = {"url": serve(answering), "heat": "2"}
    request = a_request(
        space,
        finished=past,
        count=2,
        settings=settings,
        state={"n": 0},
        parameters=[it.to_manifest() for it in MIXED],
        objective={"type": "minimize", "objectiveMetricName": "loss"},
    )

    answer = get_algorithm("http").suggest(request)

    assert [(it.row, it.labels) for it in answer.suggestions] == [(past[0][0], {"a": "b"})] * 2
    assert (answer.state, answer.is_end, answer.note) == ({"n": 1}, True, "done")
    schema = json.loads((DOCS / "http-algorithm.json").read_text())
    Draft202012Validator({**schema, "$ref": "#/$defs/Question"}).validate(questions[0])
    (question,) = questions
    assert question["settings"] == {"heat": "2"}
    assert question["trials"][0]["losses"] == [None]
    assert question["objectives"] == [{"metric": "loss", "type": "minimize"}]


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (500, b"", "HTTP Error 500"),
        (302, b"", "HTTP Error 302"),
        (200, b"no json", "the answer is not as it should be"),
        (200, b'{"suggestions": 1}', "the answer is not as it should be"),
        (200, b'{"suggestions": [{"parameters": {}}]}', r"suggestions\[0\]: parameter x: has no value"),
        (200, b'{"suggestions": [{"parameters": {"x": "red"}}]}', r"suggestions\[0\]: parameter x: 'red' is no number"),
        (200, b'{"state": {"a": NaN}}', "the answer is not as it should be: Out of range float values are not JSON"),
        (200, b'{"state": {"a": [1e999]}}', "the answer is not as it should be: Out of range float values"),
        (200, b'{"state": {"a": "\\ud800"}}', "the answer is not as it should be: 'utf-8' codec can't encode"),
        (200, b" " * (4 * 2**20 + 1), "the answer is longer than 4194304 bytes"),
    ],
)
def test_what_is_no_answer_is_a_failure(
    serve: Callable[[Answering], str], status: int, text: bytes, message: str
) -> None:
    url = serve(lambda _: (status, text))
    request = a_request(a_space(a_parameter("x", "double", min=0, max=1)), settings={"url": url})

    with pytest.raises(SearchError, match=message):
        search(Claim(uid="", token="", seq=0, algorithm="http", request=request))


def test_more_than_was_wanted_is_left_out_and_is_not_the_end(serve: Callable[[Answering], str]) -> None:
    suggestions = [{"parameters": {"x": f"0.{place}"}} for place in range(1, 6)]
    answer = {"suggestions": suggestions, "state": {"asked": 1}, "isEnd": True}
    url = serve(lambda _: (200, json.dumps(answer).encode()))
    space = a_space(a_parameter("x", "double", min=0, max=1))

    fewer, all_of_them = (
        get_algorithm("http").suggest(a_request(space, count=count, settings={"url": url})) for count in (2, 5)
    )

    assert ([it.row for it in fewer.suggestions], fewer.is_end) == ([(0.1,), (0.2,)], False)
    assert (len(all_of_them.suggestions), all_of_them.is_end) == (5, True)


def test_a_server_that_is_not_there_is_a_failure() -> None:
    request = a_request(a_space(), settings={"url": "http://127.0.0.1:1/", "timeoutSeconds": "2"})

    with pytest.raises(SearchError, match="URLError"):
        search(Claim(uid="", token="", seq=0, algorithm="http", request=request))


def test_settings_of_a_server_are_checked() -> None:
    at = "spec.algorithm.algorithmSettings"

    assert read("http", url="https://example.org/suggest", anything="goes") == []
    assert read("http", url="file:///etc/passwd", timeoutSeconds="soon") == [
        f"{at}[0].value: url must be set to an http or https URL",
        f"{at}[1].value: timeoutSeconds must be a number of seconds up to 50",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://a]/",
        "http://a:port/",
        "http://a:99999/",
        "http://a b/",
        "http://ä/",
        "http://a/\n",
        "http://",
    ],
)
def test_a_url_that_cannot_be_asked_is_refused_where_it_stands(url: str) -> None:
    (error,) = read("http", url=url)

    assert error == "spec.algorithm.algorithmSettings[0].value: url must be set to an http or https URL"
    assert read("http") == ["spec.algorithm.algorithmSettings: url must be set to an http or https URL"]


def test_the_published_schema_is_that_of_the_messages() -> None:
    from functions.suggestion.algorithms.remote_messages import render_schema

    assert (DOCS / "http-algorithm.json").read_text() == render_schema()
    assert Question.model_fields
    assert Reply.model_fields
