"""The function that brings a deployment's database to this version: called by hand, from inside the VPC."""

import asyncio
import logging
from typing import Any

from infra.settings import Settings
from infra.store.opening import open_engine
from infra.store.schema import HEAD, upgrade

log = logging.getLogger("kuttab.lambda")


def lambda_handler(payload: dict[str, Any], context: object) -> dict[str, str]:  # noqa: ARG001 - Lambda's signature
    """Upgrade, and answer with the version that the schema has now."""
    asyncio.run(_upgrade(Settings.load()))
    log.info("upgraded the database", extra={"version": HEAD})
    return {"version": HEAD}


async def _upgrade(settings: Settings) -> None:
    engine = open_engine(settings)
    try:
        await upgrade(engine)
    finally:
        await engine.dispose()
