"""The SDK's publisher without a broker: what it refuses, how long it tries, and what it never says."""

import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.client import Publisher, PublishError, amqp, publish, publish_all
from events.client.address import Address, read_address
from events.envelope import MAX_MESSAGE_BYTES, decode
from infra.broker.inbox import Inbox
from infra.broker.topology import EVENTS
from infra.broker.unwrap import unwrap
from tests.builders import a_created_event, an_edit

ROOT = Path(__file__).parents[2]
LOCAL = "127.0.0.1"


class Doorman:
    """Accepts every connection, and hangs up at once or says nothing for ever."""

    def __init__(self, *, hangs_up: bool) -> None:
        self.visits = 0
        self._hangs_up = hangs_up
        self._socket = socket.create_server((LOCAL, 0))
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"amqp://guest:hunter2@{LOCAL}:{self._socket.getsockname()[1]}/"

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for connection in (*self._held, self._socket):
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.visits += 1
            if self._hangs_up:
                connection.close()
            else:
                self._held.append(connection)


@pytest.fixture
def rude() -> Iterator[Doorman]:
    """Hang up on everybody."""
    doorman = Doorman(hangs_up=True)
    yield doorman
    doorman.close()


@pytest.fixture
def silent() -> Iterator[Doorman]:
    """Let everybody wait."""
    doorman = Doorman(hangs_up=False)
    yield doorman
    doorman.close()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("amqp://u:p@broker:5673/team", Address("broker", 5673, "u", "p", "team")),
        ("amqp://broker", Address("broker", 5672, "guest", "guest", "/")),
        ("amqp://broker/", Address("broker", 5672, "guest", "guest", "/")),
        ("amqp://broker//", Address("broker", 5672, "guest", "guest", "/")),
        ("amqp://broker/%2Fteam?heartbeat=30", Address("broker", 5672, "guest", "guest", "/team")),
        ("amqp://u:p%2F%40%23@broker/", Address("broker", 5672, "u", "p/@#", "/")),
    ],
)
def test_a_url_is_read_as_a_runner_reads_it(url: str, address: Address) -> None:
    assert read_address(url) == address


def test_over_tls_the_certificate_and_the_name_of_the_broker_are_checked() -> None:
    address = read_address("amqps://u:p@broker/?cafile=ca.pem")

    assert address.port == 5671
    assert address.ssl == {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "broker", "ca_certs": "ca.pem"}
    assert str(address) == "amqps://u@broker:5671/"


@pytest.mark.parametrize(
    "url",
    [
        "amqp://u:hunter/2@broker/",
        "amqp://u:12/hunter@broker/",
        "amqp://u:12?hunter@broker/",
        "amqp://u:12#hunter@broker/",
        "amqp://u:hunter@[broker/",
        "amqp://u:hunter@broker:port/",
        "amqp://u:hunter@broker:99999/",
        "amqp:///vhost",
        "sqs://key:hunter@region",
        "u:hunter@broker",
        "hunter",
        "",
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(url: str) -> None:
    with pytest.raises(PublishError, match=r"^the broker's URL must [^\n]+$") as refused:
        publish(url, an_edit())

    assert "hunter" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_of_several_events_none_is_published_when_one_is_too_large(tmp_path: Path) -> None:
    huge = a_created_event(id="huge", text="x" * MAX_MESSAGE_BYTES)

    with pytest.raises(PublishError, match=r"^the event has \d+ bytes, more than 262144$"):
        publish_all(f"filesystem://{tmp_path}", [an_edit(), huge])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["inbox", "in box", "50%", "a#b", "what?"])
def test_an_inbox_may_have_any_name(tmp_path: Path, name: str) -> None:
    publish_all(f"filesystem://{tmp_path / name}", [an_edit(id="a"), an_edit(id="b")])

    found = {decode(unwrap(delivery.body)).id for delivery in Inbox(tmp_path / name).drain()}

    assert found == {"a", "b"}


def test_a_broker_that_is_away_is_tried_again_for_a_while(rude: Doorman) -> None:
    started = time.monotonic()

    with pytest.raises(PublishError, match=r"^amqp://guest@127\.0\.0\.1:\d+/: [^\n]+$") as refused:
        publish(rude.url, an_edit(), patience_seconds=1.0)

    assert rude.visits > 1
    assert time.monotonic() - started < 5
    assert "hunter2" not in str(refused.value)


def test_a_broker_that_says_nothing_is_left_after_a_time(silent: Doorman, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amqp, "CONNECT_SECONDS", 0.2)

    with pytest.raises(PublishError, match="does not answer"):
        publish(silent.url, an_edit(), patience_seconds=0)

    assert silent.visits == 1


def test_a_host_that_nobody_knows_is_one_line() -> None:
    with pytest.raises(PublishError, match=r"^amqp://u@nowhere\.invalid:5672/: [^\n]+$"):
        publish("amqp://u:hunter2@nowhere.invalid", an_edit(), patience_seconds=0)


def test_a_publisher_that_published_nothing_called_nobody(silent: Doorman) -> None:
    with Publisher(silent.url):
        pass

    assert silent.visits == 0


def test_the_exchange_is_the_runners() -> None:
    assert amqp.EXCHANGE == EVENTS


def test_the_sdk_loads_kombu_with_the_first_event() -> None:
    code = "import sys, events.client; sys.exit('kombu' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_every_example_of_the_page_for_clients_is_understood() -> None:
    page = (ROOT / "docs/publish.md").read_text()

    examples = [decode(text) for text in re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]

    assert sorted(event.type for event in examples) == [
        "kuttab.experiment.created.v1",
        "kuttab.experiment.delete_requested.v1",
        "kuttab.experiment.edited.v1",
        "kuttab.experiment.stop_requested.v1",
        "kuttab.metric.reported.v1",
        "kuttab.trial.finished.v1",
    ]
    assert len({event.id for event in examples}) == len(examples)
