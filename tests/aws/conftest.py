"""The build of the template, made once for all tests that look at it."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws.lambda_process import link_bootstrap
from tests.aws.template import REGION, ROOT
from tests.services import mariadb as databases
from tests.services.mariadb import PASSWORD, USER, MariaDB
from tests.services.moto_batch import BatchServer

mariadb, mariadb_url = databases.mariadb, databases.mariadb_url

SAM = ROOT / ".venv-sam" / "bin" / "sam"
BUILD_SECONDS = 900
"""The first build downloads the layers' packages."""


def run_sam(*arguments: str) -> str:
    """Run aws-sam-cli, which `make` puts into an environment of its own, and return what it says."""
    subprocess.run(["make", "-s", ".venv-sam/.installed"], cwd=ROOT, check=True, timeout=BUILD_SECONDS)
    own = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": REGION}
    path = os.pathsep.join([str(SAM.parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        [SAM, *arguments],
        cwd=ROOT,
        env={**os.environ, **own, "PATH": path},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    return done.stdout


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run `sam build` and return where the functions and layers lie."""
    folder = tmp_path_factory.mktemp("build")
    run_sam("build", "--build-dir", str(folder))
    return folder


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with awslambdaric alone."""
    return link_bootstrap(tmp_path_factory.mktemp("bootstrap"))


@pytest.fixture
def environment(batch_server: BatchServer, mariadb: MariaDB, mariadb_url: str) -> Iterator[dict[str, str]]:
    """Return what the template would give a function, on moto and the private MariaDB."""
    secrets = batch_server.client("secretsmanager")
    text = json.dumps({"username": USER, "password": PASSWORD})
    secret = secrets.create_secret(Name=mariadb_url.rpartition("/")[2], SecretString=text)["ARN"]
    yield {
        **batch_server.environment,
        "KUTTAB_BROKER_URL": "sqs://?region=us-east-1&prefix=boot-",
        "KUTTAB_DATABASE_URL": f"mysql+aiomysql://127.0.0.1:{mariadb.port}/{mariadb_url.rpartition('/')[2]}",
        "KUTTAB_DATABASE_SECRET": secret,
    }
    secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
