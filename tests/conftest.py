"""Fixtures of all tests."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from tests.fakes import House, open_house

pytest_plugins = ["tests.services.plugin", "tests.figures"]
pytest.register_assert_rewrite("tests.contract.store_suite")

settings.register_profile("kuttab", deadline=None)  # a busy machine is no bug
settings.load_profile("kuttab")


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """Every function on a fresh store in memory."""
    opened = await open_house()
    yield opened
    await opened.stores.close()
    opened.raw.close()
