"""The URL of SQS queues: `sqs://?region=…&prefix=…`, with an endpoint where it is not AWS's own."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from .errors import PublishError

WAIT_SECONDS = 5
"""How long a poll waits: a stop waits for it too, and twenty seconds, the most there is, would only save pennies."""
MAX_WAIT_SECONDS = 20
PREFIX = "kuttab-"
MAX_PREFIX_CHARACTERS = 52
"""A queue's name may have 80 characters, and ours after the prefix have up to 28; those of runners' labels have 38."""
_PREFIX = re.compile(rf"[A-Za-z0-9_-]{{0,{MAX_PREFIX_CHARACTERS}}}")
_OPTIONS = {"region", "prefix", "endpoint", "account", "declare", "runners", "topic", "wait"}
_FORM = (
    "sqs://?region=REGION&prefix=PREFIX, besides which there are endpoint, account, declare, runners, topic and wait"
)


@dataclass(frozen=True, slots=True)
class SQSAddress:
    """Where the queues are, and what may be done about them."""

    region: str = ""
    """Empty means what AWS's own settings say (AWS_REGION, AWS_DEFAULT_REGION, the profile)."""
    prefix: str = PREFIX
    endpoint: str = ""
    account: str = ""
    """The id of the queues' account: with it a client needs no right to look queues up."""
    can_declare: bool = False
    """Whether queues that are missing are made; on AWS the template makes them."""
    has_runners: bool = True
    """Whether hosts read the queues of runners' labels; without any, such launches go where they are refused."""
    topic: str = ""
    """The ARN of an SNS topic that gets a copy of every event."""
    wait_seconds: int = WAIT_SECONDS

    def queue_name(self, queue: str) -> str:
        """Return SQS's name of a catalogue queue."""
        return self.prefix + queue

    def dead_name(self, queue: str) -> str:
        """Return the name of its dead-letter queue."""
        return f"{self.prefix}{queue}-dead"

    def __str__(self) -> str:
        """Name the place for messages."""
        return self.endpoint or f"SQS in {self.region or 'the default region'}"


def read_sqs_address(url: str) -> SQSAddress:
    """Read the URL. Raises PublishError, one line that names the option that is wrong."""
    parts = urlsplit(url)
    try:
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise PublishError(f"the broker's URL must be {_FORM}") from error
    if parts.netloc or parts.path.strip("/") or parts.fragment:
        raise PublishError(f"the broker's URL must be {_FORM}")
    if unknown := sorted(options.keys() - _OPTIONS):
        raise PublishError(f"{unknown[0]}: SQS has no such option; the broker's URL must be {_FORM}")
    prefix = options.get("prefix", PREFIX)
    if not _PREFIX.fullmatch(prefix):
        allowed = f"up to {MAX_PREFIX_CHARACTERS} letters, digits, hyphens and underscores"
        raise PublishError(f"prefix: {prefix!r} must be {allowed}")
    return SQSAddress(
        region=options.get("region", ""),
        prefix=prefix,
        endpoint=_endpoint(options.get("endpoint", "")),
        account=_account(options.get("account", "")),
        can_declare=_flag("declare", options.get("declare", "false")),
        has_runners=_flag("runners", options.get("runners", "true")),
        topic=options.get("topic", ""),
        wait_seconds=_wait(options.get("wait", str(WAIT_SECONDS))),
    )


def _endpoint(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^/?#\s]+/?", text):
        raise PublishError(f"endpoint: {text!r} must be http://HOST:PORT or https://HOST")
    return text.rstrip("/")


def _account(text: str) -> str:
    if text and not re.fullmatch(r"[0-9]{12}", text):
        raise PublishError(f"account: {text!r} must be twelve digits")
    return text


def _flag(option: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise PublishError(f"{option}: {text!r} must be true or false")
    return text == "true"


def _wait(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MAX_WAIT_SECONDS:
        raise PublishError(f"wait: {text!r} must be a whole number of seconds up to {MAX_WAIT_SECONDS}")
    return int(text)
