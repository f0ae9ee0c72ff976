"""The store's contract, held against MariaDB."""

from collections.abc import AsyncIterator

import pytest

from infra.store.engine import SQLStores, make_engine
from infra.store.schema import upgrade
from tests.contract.store_suite.experiments import ExperimentContract
from tests.contract.store_suite.ledger import LedgerContract
from tests.contract.store_suite.rungs import RungContract
from tests.contract.store_suite.transactions import TransactionContract
from tests.contract.store_suite.trials import TrialContract, experiment
from tests.services.mariadb import mariadb, mariadb_url

__all__ = ["experiment", "mariadb", "mariadb_url"]


@pytest.fixture
async def stores(mariadb_url: str) -> AsyncIterator[SQLStores]:
    """Open an empty store."""
    opened = SQLStores(make_engine(mariadb_url))
    await upgrade(opened.engine)
    yield opened
    await opened.close()


class TestTransactions(TransactionContract):
    """All or nothing."""


class TestExperiments(ExperimentContract):
    """Experiments, searches, tombstones."""


class TestTrials(TrialContract):
    """Trials and points."""


class TestLedger(LedgerContract):
    """Due rows and hosts."""


class TestRungs(RungContract):
    """What Trials leave for each other."""
