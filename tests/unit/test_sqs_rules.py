"""SQS's and Lambda's rules that need no SQS: batches to send, batches to gather, records, answers, mappings."""

from collections.abc import Sequence
from typing import Any

import pytest

from events.envelope import decode, encode
from infra.broker.port import BrokerError
from infra.broker.sqs_gather import Gatherer
from infra.broker.sqs_publisher import BATCH_BYTES, Outgoing, batches_of, encode_text, escape
from infra.broker.sqs_records import failed_ids, record_of
from infra.broker.sqs_source import Mapping, MappingError
from tests.builders import an_edit

ARN = "arn:aws:sqs:eu-west-1:123456789012:kuttab-trial-settle"
IDS = {"one", "two", "three"}


class Queue:
    """Hands out bodies in the portions that it was given, and notes how it was asked."""

    def __init__(self, *portions: int, bytes_each: int = 1) -> None:
        self.portions = list(portions)
        self.asked: list[tuple[int, int]] = []
        self.body = "x" * bytes_each

    def receive(self, count: int, wait_seconds: int) -> Sequence[Any]:
        self.asked.append((count, wait_seconds))
        portion = self.portions.pop(0) if self.portions else 0
        assert portion <= count
        return [{"Body": self.body, "MessageId": str(index)} for index in range(portion)]


def test_a_batch_within_one_receive_is_what_the_receive_brought() -> None:
    queue = Queue(4, 10)

    batch = Gatherer(queue.receive, wait_seconds=20).gather(10)

    assert (len(batch), queue.asked) == (4, [(10, 20)])


def test_without_a_window_full_receives_are_followed_by_more_that_wait_for_nothing() -> None:
    queue = Queue(10, 10, 3, 10)

    batch = Gatherer(queue.receive, wait_seconds=5).gather(64)

    assert (len(batch), queue.asked) == (23, [(10, 5), (10, 0), (10, 0)])


def test_a_window_begins_with_the_first_message_and_ends_when_the_batch_is_full() -> None:
    queue = Queue(1, 0, 9, 10, 5)

    batch = Gatherer(queue.receive, wait_seconds=20, window_seconds=60).gather(25)

    assert len(batch) == 25
    assert [count for count, _ in queue.asked] == [10, 10, 10, 10, 5]
    assert queue.asked[0][1] == queue.asked[1][1] == 20


def test_a_window_that_is_over_ends_the_batch() -> None:
    queue = Queue(3)

    batch = Gatherer(queue.receive, wait_seconds=20, window_seconds=0.1).gather(25)

    assert len(batch) == 3
    assert {wait for _, wait in queue.asked[1:]} == {0}


def test_a_silent_poll_gives_no_batch() -> None:
    queue = Queue(0, 10)

    assert Gatherer(queue.receive, wait_seconds=20, window_seconds=60).gather(25) == []
    assert len(queue.asked) == 1


def test_what_makes_a_batch_too_large_begins_the_next_one() -> None:
    queue = Queue(10, 1, bytes_each=30)
    gatherer = Gatherer(queue.receive, wait_seconds=0, max_bytes=100)

    batches = [gatherer.gather(10) for _ in range(5)]

    assert [len(batch) for batch in batches] == [3, 3, 3, 1, 1]


def test_a_record_is_written_as_lambda_writes_it() -> None:
    message: Any = {
        "MessageId": "one",
        "ReceiptHandle": "handle",
        "Body": "{}",
        "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "Attributes": {"ApproximateReceiveCount": "2"},
        "MessageAttributes": {
            "text": {"DataType": "String", "StringValue": "a"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
        "MD5OfMessageAttributes": "f00",
    }

    record = record_of(message, arn=ARN)

    empty: dict[str, list[str]] = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "messageId": "one",
        "receiptHandle": "handle",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "2"},
        "messageAttributes": {
            "text": {"dataType": "String", "stringValue": "a", **empty},
            "bytes": {"dataType": "Binary", "binaryValue": "AP8=", **empty},
        },
        "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "md5OfMessageAttributes": "f00",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "eu-west-1",
    }


@pytest.mark.parametrize(
    "answer", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}, {"other": 1}], ids=repr
)
def test_an_answer_without_failures_means_that_all_went_well(answer: object) -> None:
    assert failed_ids(answer, IDS) == set()


def test_an_answer_names_the_messages_that_failed() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": "one"}, {"itemIdentifier": "three"}]}

    assert failed_ids(answer, IDS) == {"one", "three"}


@pytest.mark.parametrize(
    "answer",
    [
        "ok",
        ["one"],
        7,
        {"batchItemFailures": "one"},
        {"batchItemFailures": {"itemIdentifier": "one"}},
        {"batchItemFailures": ["one"]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": 1}]},
        {"batchItemFailures": [{"ItemIdentifier": "one"}]},
        {"batchItemFailures": [{"itemIdentifier": "one"}, {"itemIdentifier": "four"}]},
    ],
    ids=repr,
)
def test_an_answer_of_another_form_means_that_all_failed(answer: object) -> None:
    assert failed_ids(answer, IDS) == IDS


@pytest.mark.parametrize(
    ("mapping", "arn", "words"),
    [
        (Mapping(batch_count=0), ARN, "BatchSize: 0"),
        (Mapping(batch_count=10_001), ARN, "BatchSize: 10001"),
        (Mapping(batch_count=11), ARN, "more than 10 needs"),
        (Mapping(window_seconds=301), ARN, "MaximumBatchingWindowInSeconds: 301"),
        (Mapping(concurrency=1), ARN, "MaximumConcurrency: 1"),
        (Mapping(timeout_seconds=31), ARN, "below the function's timeout"),
        (Mapping(batch_count=11, window_seconds=1), ARN + ".fifo", "FIFO"),
        (Mapping(window_seconds=1), ARN + ".fifo", "FIFO"),
    ],
)
def test_a_mapping_that_aws_refuses_is_refused_here(mapping: Mapping, arn: str, words: str) -> None:
    with pytest.raises(MappingError, match=words):
        mapping.check(arn=arn, visibility_seconds=30)


def test_messages_are_sent_in_tens_by_queue() -> None:
    messages = [Outgoing(name, str(index)) for index in range(12) for name in ("a", "b")]

    batches = list(batches_of(messages))

    assert [(batch[0].name, len(batch)) for batch in batches] == [("a", 10), ("a", 2), ("b", 10), ("b", 2)]


def test_a_batch_keeps_to_the_bytes_of_one_call() -> None:
    messages = [Outgoing("a", "é" * 50_000, attributes={"why": "y" * 20_000}) for _ in range(5)]

    batches = list(batches_of(messages))

    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert all(sum(message.size_bytes for message in batch) <= BATCH_BYTES for batch in batches)


def test_characters_that_sqs_refuses_are_escaped_and_mean_the_same() -> None:
    event = an_edit(extensions={"text": "tab\t nul\x00 bell\x07 é \ufffe\uffff \U0001f600"})

    text = encode_text(event)

    assert not {"\x00", "\x07", "\ufffe", "\uffff"} & set(text)
    assert "é" in text
    assert decode(text) == event


def test_text_without_such_characters_stays_as_it_is() -> None:
    assert escape("a\t\n\r é \U0001f600 \ud7ff\ue000") == "a\t\n\r é \U0001f600 \ud7ff\ue000"


def test_an_event_that_is_too_large_is_refused_with_its_name_and_size() -> None:
    event = an_edit(id="fat", extensions={"padding": "x" * 300_000})

    with pytest.raises(BrokerError, match=rf"kuttab\.experiment\.edited\.v1 fat has {len(encode(event))} bytes"):
        encode_text(event)
