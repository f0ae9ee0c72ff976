"""Open the database of the settings; user and password may lie in AWS Secrets Manager, connections may ask for TLS."""

import json
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from functions.errors import TransientError
from infra.settings import Settings, SettingsError
from infra.store.engine import make_engine

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


def open_engine(settings: Settings, **options: Any) -> AsyncEngine:  # noqa: ANN401 - make_engine's own options
    """Return the engine; the secret is read for each new connection, so that a rotation needs nothing else."""
    engine = make_engine(settings.database_url, **options)
    if settings.database_ca:
        _demand_tls(engine, settings.database_ca)
    if settings.database_secret:
        _identify(engine, settings.database_secret)
    return engine


def one_line(error: BaseException) -> str:
    """Say why something could not be opened: the driver's words, and what the network or TLS said to the driver."""
    said: BaseException = getattr(error, "orig", None) or error
    why = f": {said.__cause__}" if isinstance(said.__cause__, OSError) else ""
    return f"{said}{why}".partition("\n")[0]


def _demand_tls(engine: AsyncEngine, path: str) -> None:
    """Encrypt every connection, and check the server's name against the authorities of the file."""
    try:
        context = ssl.create_default_context(cafile=path)
    except OSError as error:
        raise SettingsError(f"KUTTAB_DATABASE_CA: {path}: {error}") from error

    @event.listens_for(engine.sync_engine, "do_connect")
    def encrypt(_: Dialect, __: ConnectionPoolEntry, ___: list[object], parameters: dict[str, object]) -> None:
        parameters["ssl"] = context


def _identify(engine: AsyncEngine, secret: str) -> None:
    @event.listens_for(engine.sync_engine, "do_connect")
    def identify(_: Dialect, __: ConnectionPoolEntry, ___: list[object], parameters: dict[str, object]) -> None:
        parameters |= read_secret(secret)


def read_secret(secret: str) -> dict[str, str]:
    """Return user and password as RDS writes them: JSON with `username` and `password`.

    Raises SettingsError for a secret of another form, TransientError where it cannot be read now.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        text = _client().get_secret_value(SecretId=secret)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise TransientError(f"the database's secret cannot be read: {error}") from error
    try:
        found = json.loads(text)
        return {"user": str(found["username"]), "password": str(found["password"])}
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError("the database's secret must be JSON with username and password") from error


@cache
def _client() -> "SecretsManagerClient":
    import boto3

    return boto3.client("secretsmanager")
