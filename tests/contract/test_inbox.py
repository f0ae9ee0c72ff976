"""The inbox: what any program leaves in the folder reaches the runner, and is gone only when it was handled."""

import base64
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from events.client import PublishError, publish
from events.envelope import decode, encode
from infra.broker.inbox import BAD_QUEUE, MESSAGE_COUNT, Inbox
from infra.broker.memory import MemoryBroker
from infra.broker.port import Delivery
from infra.broker.unwrap import unwrap
from infra.runtime import Runtime
from tests.builders import a_created_event, a_search_request, an_edit
from tests.fakes import House


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a folder that nobody has made yet."""
    return tmp_path / "inbox"


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.msg"))


def _leave(folder: Path, body: bytes) -> None:
    """Write a message as any program could."""
    folder.mkdir()
    (folder / "1.msg").write_bytes(body)


def _ids(deliveries: Sequence[Delivery]) -> list[str]:
    return [decode(unwrap(delivery.body)).id for delivery in deliveries]


async def test_what_a_client_publishes_is_drained_into_its_queue(folder: Path) -> None:
    publish(f"filesystem://{folder}", an_edit())

    (delivery,) = Inbox(folder).drain()

    assert decode(unwrap(delivery.body)) == an_edit()
    assert delivery.queue == "experiment-edit"


def test_one_program_may_write_to_many_inboxes(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        Inbox(folder).publish(an_edit())

    assert [len(Inbox(folder).drain()) for folder in folders] == [1, 1, 1]


def test_an_inbox_that_was_deleted_is_made_again(folder: Path) -> None:
    Inbox(folder).publish(an_edit())
    shutil.rmtree(folder)

    Inbox(folder).publish(an_edit())

    assert len(Inbox(folder).drain()) == 1


@pytest.mark.parametrize(
    ("place", "reason"),
    [("/dev/null", "File exists"), ("/proc/self", "No such file or directory")],
    ids=["no folder", "nothing can be written"],
)
def test_a_message_that_cannot_be_written_is_refused_with_the_place(place: str, reason: str) -> None:
    with pytest.raises(PublishError, match=f"{place}: {reason}"):
        publish(f"filesystem://{place}", an_edit())


def test_an_inbox_that_nobody_has_written_to_is_empty(folder: Path) -> None:
    assert Inbox(folder).drain() == []


def test_messages_come_oldest_first(folder: Path) -> None:
    inbox = Inbox(folder)
    for index in range(5):
        inbox.publish(an_edit(id=f"edit-{index}"))

    assert sorted(_ids(inbox.drain())) == [f"edit-{index}" for index in range(5)]


def test_a_message_is_drained_once_while_it_is_handled(folder: Path) -> None:
    inbox = Inbox(folder)
    inbox.publish(an_edit())

    assert [len(inbox.drain()), len(inbox.drain())] == [1, 0]


async def test_a_message_is_gone_when_it_is_acked_and_not_before(folder: Path) -> None:
    inbox = Inbox(folder)
    inbox.publish(an_edit())
    drained = inbox.drain()
    before = len(_files(folder))

    await MemoryBroker().ack(drained)

    assert (before, _files(folder)) == (1, [])


def test_a_runner_that_died_before_the_ack_leaves_the_message_to_the_next(folder: Path) -> None:
    Inbox(folder).publish(an_edit())
    Inbox(folder).drain()

    assert _ids(Inbox(folder).drain()) == ["edit-1"]


async def test_a_nacked_message_keeps_its_file_until_its_last_delivery_is_acked(folder: Path) -> None:
    inbox, broker = Inbox(folder), MemoryBroker()
    inbox.publish(an_edit())
    await broker.nack(inbox.drain())
    before = len(_files(folder))

    await broker.ack(broker.take("experiment-edit", 1))

    assert (before, _files(folder)) == (1, [])


def test_a_drain_is_bounded(folder: Path) -> None:
    folder.mkdir()
    for index in range(MESSAGE_COUNT + 1):
        (folder / f"{index:04}.msg").write_bytes(encode(an_edit(id=f"edit-{index}")))
    inbox = Inbox(folder)

    assert [len(inbox.drain()), len(inbox.drain())] == [MESSAGE_COUNT, 1]


def test_a_message_that_is_being_written_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    half = folder / "1.msg"
    half.write_bytes(b"")
    inbox = Inbox(folder)
    first = inbox.drain()

    half.write_bytes(encode(an_edit()))

    assert (first, _ids(inbox.drain())) == ([], ["edit-1"])


def test_an_empty_file_of_a_writer_that_died_does_not_stay_for_ever(folder: Path) -> None:
    folder.mkdir()
    empty = folder / "1.msg"
    empty.write_bytes(b"")
    long_ago = time.time() - 60
    os.utime(empty, (long_ago, long_ago))

    (delivery,) = Inbox(folder).drain()

    assert (delivery.queue, delivery.body) == (BAD_QUEUE, b"")


def test_other_files_are_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")

    assert Inbox(folder).drain() == []


def test_a_file_that_cannot_be_read_disturbs_no_other(folder: Path) -> None:
    folder.mkdir()
    (folder / "1.msg").write_bytes(encode(an_edit(id="edit-1")))
    (folder / "2.msg").symlink_to(folder / "nowhere")
    (folder / "3.msg").mkdir()
    (folder / "4.msg").write_bytes(encode(an_edit(id="edit-4")))

    assert _ids(Inbox(folder).drain()) == ["edit-1", "edit-4"]


@pytest.mark.parametrize(
    "body",
    [encode(an_edit()), base64.b64encode(encode(an_edit()))],
    ids=["plain", "base64"],
)
def test_a_body_of_any_client_is_taken(folder: Path, body: bytes) -> None:
    folder.mkdir()
    (folder / "1.msg").write_bytes(body)

    (delivery,) = Inbox(folder).drain()

    assert (delivery.queue, _ids([delivery])) == ("experiment-edit", ["edit-1"])


async def test_what_the_runtime_has_handled_is_gone(folder: Path, house: House) -> None:
    inbox, broker = Inbox(folder), MemoryBroker()
    for event in (a_created_event(), a_search_request("uid-unknown", id="nobody's")):
        inbox.publish(event)

    await Runtime(house.wiring, broker).process(inbox.drain())

    assert _files(folder) == []
    assert (await house.experiment()).uid == "uid-digits"


@pytest.mark.parametrize(
    "body",
    [b"no json", json.dumps({"specversion": "1.0", "id": "1", "source": "x", "type": "y"}).encode()],
    ids=["no JSON", "unknown type"],
)
async def test_what_means_nothing_is_dead_lettered_and_gone(folder: Path, house: House, body: bytes) -> None:
    _leave(folder, body)
    inbox, broker = Inbox(folder), MemoryBroker()

    await Runtime(house.wiring, broker).process(inbox.drain())

    ((queue, dead, _),) = [(it.queue, it.body, it.reason) for it in broker.dead_letters]
    assert (queue, dead) == (BAD_QUEUE, body)
    assert _files(folder) == []


async def test_a_command_that_has_to_wait_keeps_its_file(folder: Path, house: House) -> None:
    Inbox(folder).publish(an_edit())
    broker = MemoryBroker()

    await Runtime(house.wiring, broker).process(Inbox(folder).drain())

    assert not broker.dead_letters
    assert _ids(Inbox(folder).drain()) == [an_edit().id]
    await broker.close()
