"""The SDK's SQS side, as far as it needs no SQS: the URL, and which queue takes an event."""

import pytest

from events.client import Publisher, PublishError
from events.client.sqs import QUEUES
from events.client.sqs_address import SQSAddress, read_sqs_address
from events.schemas.asyncapi import ROUTES
from functions.catalog import CLIENT_TYPES, SUBSCRIPTIONS


def test_a_clients_event_goes_where_the_catalogue_says() -> None:
    of_catalogue = {kind: it.queue for it in SUBSCRIPTIONS for kind in it.event_types}

    assert {kind: of_catalogue[kind] for kind in QUEUES} == QUEUES


def test_every_event_that_clients_alone_publish_has_its_queue() -> None:
    of_clients = {kind for kind, route in ROUTES.items() if not route.is_published}

    assert of_clients <= set(QUEUES)
    assert set(QUEUES) == CLIENT_TYPES


def test_a_url_names_region_prefix_and_endpoint() -> None:
    address = read_sqs_address("sqs://?region=eu-west-1&prefix=team_a-&endpoint=http%3A%2F%2F127.0.0.1%3A5000/&wait=2")

    assert address == SQSAddress("eu-west-1", "team_a-", "http://127.0.0.1:5000", wait_seconds=2)
    assert address.queue_name("trial-settle") == "team_a-trial-settle"
    assert address.dead_name("trial-settle") == "team_a-trial-settle-dead"


def test_a_url_without_options_leaves_the_region_to_aws() -> None:
    assert read_sqs_address("sqs://") == SQSAddress()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqs://eu-west-1", "sqs://?region=REGION&prefix=PREFIX"),
        ("sqs://?region", "sqs://?region=REGION&prefix=PREFIX"),
        ("sqs://?regoin=eu-west-1", "regoin: SQS has no such option"),
        ("sqs://?prefix=a b", "prefix: 'a b' must be"),
        (f"sqs://?prefix={'a' * 53}", "up to 52"),
        ("sqs://?endpoint=localhost:5000", "endpoint: 'localhost:5000' must be http://HOST:PORT"),
        ("sqs://?endpoint=http://host/path", "endpoint: "),
        ("sqs://?account=12", "account: '12' must be twelve digits"),
        ("sqs://?declare=yes", "declare: 'yes' must be true or false"),
        ("sqs://?wait=21", "wait: '21' must be a whole number of seconds up to 20"),
        ("sqs://?wait=-1", "wait: '-1'"),
        ("sqs://?wait=²", "wait: '²'"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_with_the_option(url: str, words: str) -> None:
    with pytest.raises(PublishError) as refused:
        Publisher(url)

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
