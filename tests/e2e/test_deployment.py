"""Two runners, a clock, RabbitMQ and MariaDB: a runner is killed and both servers restart, and nothing is lost."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.conftest import Servers
from tests.e2e.deployment import Deployment, a_digits_experiment, count_dead_letters

TRIALS = 12


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_killed_runner_and_restarted_servers_lose_nothing(
    deployment: Deployment, servers: Servers, tmp_path: Path
) -> None:
    rabbitmq, mariadb = servers
    victim = _begin(deployment)
    deployment.kuttab("submit", str(a_digits_experiment(tmp_path, trials=TRIALS)))
    starts = tmp_path / "starts"
    deployment.wait(starts.exists, seconds=60, why="a Worker starts")
    deployment.wait(lambda: len(starts.read_text().splitlines()) >= 4, seconds=60, why="Workers start")

    victim.kill()
    victim.wait()
    rabbitmq.stop()
    mariadb.stop()
    mariadb.start()
    rabbitmq.start()
    deployment.start("runner", "--slots", "2", "--host", "a", name="runner-a")

    deployment.wait(lambda: deployment.has_ended("digits"), seconds=240, why="the Experiment ends")
    status = deployment.experiment("digits")["status"]
    begun = Counter(starts.read_text().splitlines())
    assert status["trials"] == TRIALS
    assert status["trialsSucceeded"] == TRIALS
    assert max(begun.values()) == 1, f"an attempt was run twice: {begun}"
    assert len({line.split()[0] for line in begun}) == TRIALS
    assert count_dead_letters(rabbitmq) == 0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_what_cannot_work_is_refused_in_one_line(deployment: Deployment, servers: Servers) -> None:
    rabbitmq, _ = servers
    wrong = rabbitmq.url.replace("guest:guest", "guest:wrong")
    weak = rabbitmq.url.replace("guest:guest", "weak:weak")
    rabbitmq.control("add_user", "weak", "weak")
    rabbitmq.control("set_permissions", "weak", "^$", "^$", ".*")
    here = ("--dir", str(deployment.directory / "refused"))

    lines = [deployment.refusal("runner", *here)]
    deployment.kuttab("db", "upgrade")
    lines.append(deployment.refusal("runner", *here, "--broker", wrong))
    lines.append(deployment.refusal("runner", *here, "--broker", weak))
    lines.append(deployment.refusal("submit", "examples/quadratic.yaml", "--broker", wrong))
    database = deployment.database_url.replace(":kuttab@", ":wrong@")
    lines.append(deployment.refusal("runner", *here, "--database", database))

    reasons = (
        "kuttab db upgrade",
        "refuses this user",
        "refused for user 'weak'",
        "refuses this user",
        "Access denied",
    )
    assert [line.count("\n") for line in lines] == [1] * len(lines)
    assert [reason for reason, line in zip(reasons, lines, strict=True) if reason not in line] == []
    assert not any("wrong" in line or "weak:weak" in line for line in lines)


def _begin(deployment: Deployment) -> subprocess.Popen[bytes]:
    """Start two runners and a clock, and return the runner that is to die."""
    deployment.kuttab("db", "upgrade")
    victim = deployment.start("runner", "--slots", "2", "--host", "a", name="runner-a")
    deployment.start("runner", "--slots", "2", "--host", "b", name="runner-b")
    deployment.start("clock", name="clock")
    deployment.wait(lambda: "is at work" in deployment.log("runner-b"), seconds=60, why="runner b starts")
    return victim
