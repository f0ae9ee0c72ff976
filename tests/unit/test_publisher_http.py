"""Publishing over HTTP: a real socket, the real face, and servers that fail."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from events.client import Publisher, PublishError, publish
from events.client.http import read_server
from events.envelope import decode
from tests.builders import a_created_event, an_edit


@contextmanager
def a_server(*statuses: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Answer with these, the last one for ever; a 0 hangs up without a word."""
    seen: list[tuple[dict[str, str], bytes]] = []
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = left.pop(0) if len(left) > 1 else left[0]
            if not status:
                self.close_connection = True
                return
            seen.append(({**self.headers, "path": self.path}, body))
            answer = b'{"kind": "Status", "message": "no\\nway"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_events_arrive_in_order_over_one_connection_with_the_token() -> None:
    events = [a_created_event(), an_edit()]
    with a_server(202) as (url, seen), Publisher(url.replace("//", "//a%2Fb@") + "/base/") as publisher:
        publisher.publish(*events)

    assert [decode(body) for _, body in seen] == events
    assert {headers["path"] for headers, _ in seen} == {"/base/events"}
    assert {headers["Authorization"] for headers, _ in seen} == {"Bearer a/b"}
    assert {headers["Content-Type"] for headers, _ in seen} == {"application/cloudevents+json"}


@pytest.mark.parametrize("failure", [0, 429, 500, 503])
def test_what_may_succeed_later_is_tried_again(failure: int) -> None:
    with a_server(failure, 202) as (url, seen):
        publish(url, an_edit())

    assert decode(seen[-1][1]) == an_edit()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_what_never_will_is_said_at_once(status: int) -> None:
    with a_server(status) as (url, seen), pytest.raises(PublishError) as caught:
        publish(url, an_edit())

    assert str(caught.value) == f"{url}/events: {status} no way"
    assert len(seen) == 1


def test_patience_has_an_end() -> None:
    with a_server(503) as (url, _), pytest.raises(PublishError, match="503 no way"):
        publish(url, an_edit(), patience_seconds=0.2)


def test_nobody_there_is_one_line_without_the_token() -> None:
    with pytest.raises(PublishError) as caught:
        publish("http://hunter2@127.0.0.1:1", an_edit(), patience_seconds=0)

    assert str(caught.value) == "http://127.0.0.1:1/events: Connection refused"


@pytest.mark.parametrize("url", ["https://", "http://host:port", "https://host/a@b", "http://[::1"])
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(PublishError, match=r"^the API's URL must be https://TOKEN@HOST:PORT"):
        Publisher(url)


def test_a_url_may_name_its_authorities() -> None:
    server = read_server("https://api.example:8443?cafile=/etc/ca.pem")

    assert (server.is_secure, server.host, server.port, server.path) == (True, "api.example", 8443, "/events")
    assert server.authorities == "/etc/ca.pem"
