"""A runner to be killed by a test: `python -m tests.integration.embedded_program DIRECTORY [EVENT-FILE]`."""

import asyncio
import sys
from pathlib import Path

from events.envelope import decode
from events.experiment import ExperimentCreated
from local_runner.embedded import EmbeddedRunner
from tests.integration.embedded_rig import quick_settings


async def main(directory: Path, body: bytes | None) -> None:
    """Submit the Experiment where there is one, then be the runner until somebody ends this process."""
    async with EmbeddedRunner(quick_settings(directory)) as runner:
        if body is not None:
            event = decode(body)
            assert isinstance(event, ExperimentCreated)
            await runner.submit(event)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes() if sys.argv[2:] else None))
