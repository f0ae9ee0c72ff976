"""The broker's URL, read for kombu; whatever is said about it leaves the password out."""

import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from .errors import PublishError

_FORM = "amqp://USER:PASSWORD@HOST:PORT/VHOST"
_PORTS = {"amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a RabbitMQ is, and who calls."""

    host: str
    port: int
    user: str
    password: str
    vhost: str
    ssl: dict[str, object] | None = None
    """What Python's ssl needs, for amqps."""

    def __str__(self) -> str:
        """Name the broker and the user, never the password."""
        return f"{'amqps' if self.ssl else 'amqp'}://{self.user}@{self.host}:{self.port}/{self.vhost.strip('/')}"


def read_address(url: str) -> Address:
    """Read `amqp://user:password@host:port/vhost` or `amqps://…?cafile=FILE`; other options are passed over.

    Raises:
        PublishError: The URL cannot be read. It is not repeated: any part of it may be one of the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise PublishError(_advice()) from None  # the cause quotes the URL
    if not parts.hostname or "@" in parts.path + parts.query + parts.fragment:
        raise PublishError(_advice())
    return Address(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        vhost=unquote(parts.path[1:]) or "/",
        ssl=_ssl_options(parts) if parts.scheme == "amqps" else None,
    )


def _ssl_options(parts: SplitResult) -> dict[str, object]:
    """Check the broker's certificate and name, which the AMQP library leaves out unless it is told."""
    options: dict[str, object] = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}
    if files := parse_qs(parts.query).get("cafile"):
        options["ca_certs"] = files[0]
    return options


def _advice() -> str:
    return f"the broker's URL must be {_FORM}, with special characters of the password as %2F, %40, %23 and so on"
