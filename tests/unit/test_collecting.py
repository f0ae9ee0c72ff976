"""What a host collects for its Workers: Katib's rule for tags, Prometheus' text, and a file that only grows."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.target.collecting import endpoint
from infra.target.collecting.endpoint import MAX_ANSWER_BYTES, Endpoint, ScrapeError, fetch, wanted_values
from infra.target.collecting.series import Note, Series
from infra.target.collecting.tensorflow_events import metrics_of

NAMES = ("accuracy", "train/accuracy", "train/loss", "loss")
ANSWER = """# HELP loss of training
# TYPE loss gauge
loss 0.5
# TYPE accuracy gauge
accuracy{split="val",fold="1"} 0.9
accuracy{split="train",fold="1"} 0.95
# TYPE steps counter
steps_total 10 1700000000250
# TYPE f1 gauge
f1{model="a"} NaN
"""


@pytest.mark.parametrize(
    ("tag", "directory", "metrics"),
    [
        ("accuracy", "/w/train", ["accuracy", "train/accuracy"]),
        ("accuracy", "/w/test", ["accuracy"]),
        ("accuracy_1", "/w/test", ["accuracy"]),
        ("accuracy_1", "/w/train", ["accuracy", "train/accuracy"]),
        ("loss", "/w/train", ["train/loss", "loss"]),
        ("loss", "/w/strain", ["loss"]),
        ("train/loss", "/w", ["train/loss"]),
        ("epoch_loss", "/w/train", []),
    ],
)
def test_a_tag_stands_for_metrics_as_in_katib(tag: str, directory: str, metrics: list[str]) -> None:
    assert metrics_of(tag, directory, NAMES) == metrics


def test_a_tag_that_is_a_metrics_name_is_not_another_metric_that_it_begins_with() -> None:
    assert metrics_of("loss_val", "/w", ("loss", "loss_val")) == ["loss_val"]


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (("loss",), {"loss": ("0.5", None)}),
        (("loss", "absent"), {"loss": ("0.5", None)}),
        (("steps_total",), {"steps_total": ("10.0", 1_700_000_000.25)}),
        (("f1",), {"f1": ("nan", None)}),
        (('accuracy{split="val", fold="1"}',), {'accuracy{split="val", fold="1"}': ("0.9", None)}),
    ],
)
def test_only_the_named_metrics_are_taken(names: tuple[str, ...], values: dict[str, object]) -> None:
    assert wanted_values(ANSWER, names) == values


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        (ANSWER, ("accuracy",), "has 2 series of accuracy: name one with its labels"),
        (ANSWER, ("absent", "gone"), "has no metric absent or gone"),
        ("", ("loss",), "has no metric loss"),
        ("<html>loss</html>", ("loss",), "answers with what is not Prometheus' text format"),
        ('loss{a="b 1', ("loss",), "answers with what is not Prometheus' text format"),
        ("loss high", ("loss",), "answers with what is not Prometheus' text format"),
    ],
)
def test_an_answer_without_the_metric_says_why(text: str, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ScrapeError, match=message):
        wanted_values(text, names)


class Page(http.server.BaseHTTPRequestHandler):
    """Answers as its path says."""

    def do_GET(self) -> None:
        status = 404 if self.path == "/nowhere" else 302 if self.path == "/elsewhere" else 200
        self.send_response(status)
        self.send_header("Location", "http://192.0.2.1/")
        self.end_headers()
        try:
            if self.path == "/long":
                self.wfile.write(b"x" * (MAX_ANSWER_BYTES + 1))
            elif self.path == "/slow":
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.01)
            else:
                self.wfile.write(f"loss 1 {self.headers.get('X-Key')}".encode())
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def a_server() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_an_endpoint_is_asked_with_its_headers_and_not_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")
    with a_server() as port:
        assert fetch(Endpoint(headers={"X-Key": "7"}), port) == "loss 1 7"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nowhere", "answers 404 Not Found to GET /nowhere"),
        ("/elsewhere", "answers 302 Found"),
        ("/long", "answers with more than 4194304 bytes"),
        ("/slow", "takes more than 0.2 s to answer"),
        ("/a b", "does not answer: URL can't contain control characters"),
    ],
)
def test_what_is_no_answer_is_said(path: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ANSWER_SECONDS", 0.2)
    with a_server() as port, pytest.raises(ScrapeError, match=message):
        fetch(Endpoint(path=path), port)


def test_a_port_without_a_server_is_said() -> None:
    with a_server() as port:
        pass

    with pytest.raises(ScrapeError, match="does not answer: Connection refused"):
        fetch(Endpoint(), port)


def test_a_series_grows_and_the_half_of_a_line_is_cut_off(tmp_path: Path) -> None:
    series = Series(tmp_path / "series")
    series.append([{"loss": "1"}])
    series.append([])
    whole = series.path.read_bytes()
    series.path.write_bytes(whole + b'{"lo')

    found = series.repair()
    series.append([{"loss": "2"}])

    assert found == [{"loss": "1"}]
    assert series.path.read_bytes() == whole + b'{"loss": "2"}\n'
    assert Series(tmp_path / "none").repair() == []


def test_a_note_is_written_only_when_it_changes(tmp_path: Path) -> None:
    note = Note(tmp_path / "note")
    note.write("refused")
    before = note.path.stat().st_mtime_ns
    note.write("refused")

    assert note.path.stat().st_mtime_ns == before
    assert (note.read(), Note(tmp_path / "none").read()) == ("refused", "")
