"""What is logged while a runner is at work lies in its file, libraries' warnings included, and nowhere else."""

import json
import logging
import subprocess
import sys
from pathlib import Path

from local_runner.cli.opening import logged_to

ROOT = Path(__file__).parents[2]


def test_warnings_of_libraries_lie_beside_our_own_lines(tmp_path: Path) -> None:
    with logged_to(tmp_path / "runner.log"):
        logging.getLogger("sqlalchemy.pool").error("a connection is lost")
        logging.getLogger("kuttab.runtime").warning("dead-lettered a message", extra={"queue": "q"})
    logging.getLogger("sqlalchemy.pool").error("too late")

    lines = [json.loads(line) for line in (tmp_path / "runner.log").read_text().splitlines()]
    assert [(line["logger"], line["message"]) for line in lines] == [
        ("sqlalchemy.pool", "a connection is lost"),
        ("kuttab.runtime", "dead-lettered a message"),
    ]


def test_the_terminal_sees_none_of_it(tmp_path: Path) -> None:
    program = (
        "import logging, pathlib\n"
        "from local_runner.cli.opening import logged_to\n"
        f"with logged_to(pathlib.Path({str(tmp_path / 'runner.log')!r})):\n"
        "    logging.getLogger('asyncio').error('a task was lost')\n"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (b"", b"")
