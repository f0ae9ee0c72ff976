"""What a sidecar prints: each line once, what was written last too, and points as lines of JSON."""

import io
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infra.target.collecting.following import FollowedFile, follow_endpoint, follow_until


def steps(*works: Callable[[], object]) -> Callable[[float], bool]:
    """Return a `wait` that does one thing after the other, and then says that the Worker has ended."""
    left = list(works)

    def wait(seconds: float) -> bool:
        if left:
            left.pop(0)()
            return False
        return True

    return wait


def test_a_file_is_printed_as_it_grows_also_what_was_written_last(tmp_path: Path) -> None:
    path, out = tmp_path / "log", io.BytesIO()
    path.touch()

    with path.open("ab", buffering=0) as file:
        wait = steps(lambda: file.write(b"loss=1\n"), lambda: file.write(b"loss=0.5\n"), lambda: file.write(b"loss=0"))
        follow_until(FollowedFile(path, out).advance, wait, seconds=0)

    assert out.getvalue() == b"loss=1\nloss=0.5\nloss=0"


def test_a_file_may_come_late_and_begin_anew(tmp_path: Path) -> None:
    path, out = tmp_path / "log", io.BytesIO()

    wait = steps(lambda: path.write_text("loss=1\nloss=2\n"), lambda: path.write_text("loss=3\n"))
    follow_until(FollowedFile(path, out).advance, wait, seconds=0)

    assert out.getvalue() == b"loss=1\nloss=2\nloss=3\n"


@pytest.fixture
def answers() -> "list[str]":
    return []


def test_an_endpoint_is_scraped_and_its_silence_is_said_once(answers: list[str]) -> None:
    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers.pop(0).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    answers += ["other 1\n", "other 1\n", "loss 0.5\n"]
    out, complaints = io.BytesIO(), []
    with HTTPServer(("127.0.0.1", 0), Metrics) as server:
        Thread(target=lambda: [server.handle_request() for _ in range(3)], daemon=True).start()
        step = follow_endpoint(f"http://127.0.0.1:{server.server_port}/metrics", ["loss"], out, complaints.append)
        for _ in range(3):
            step()

    assert json.loads(out.getvalue())["loss"] == "0.5"
    assert complaints == [f"port {server.server_port} has no metric loss"]
