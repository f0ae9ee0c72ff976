"""The URL of SQS queues as the runtime reads it: the SDK's reader, with the broker's error."""

from events.client.errors import PublishError
from events.client.sqs_address import SQSAddress
from events.client.sqs_address import read_sqs_address as _read
from infra.broker.port import BrokerError

__all__ = ["SQSAddress", "read_sqs_address"]


def read_sqs_address(url: str) -> SQSAddress:
    """Read the URL. Raises BrokerError, one line that names the option that is wrong."""
    try:
        return _read(url)
    except PublishError as error:
        raise BrokerError(str(error)) from error
