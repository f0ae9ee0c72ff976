"""Simulate many seeds on all cores: `python -m tests.simulation --seeds 3000 --seed0 0`."""

import argparse
import multiprocessing
import os
import sys
import time
import traceback

from tests.simulation.run import run_seed


def attempt(seed: int) -> tuple[int, str]:
    """Run a seed and return what broke, or nothing."""
    try:
        run_seed(seed)
    except Exception as error:  # noqa: BLE001 - reported with its replay
        last = traceback.format_exception(error)[-2:]
        return seed, f"{type(error).__name__}: {error}\n{''.join(last)}"
    return seed, ""


def main() -> int:
    """Run the seeds; the exit status is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many")
    parser.add_argument("--seed0", type=int, default=0, help="the first")
    options = parser.parse_args()
    began, broken = time.monotonic(), 0
    seeds = range(options.seed0, options.seed0 + options.seeds)
    with multiprocessing.Pool(min(os.cpu_count() or 1, options.seeds)) as pool:
        for seed, problem in pool.imap_unordered(attempt, seeds, chunksize=4):
            if problem:
                broken += 1
                print(f"seed {seed}: {problem}  replay: make simulate SEEDS=1 SEED0={seed}", flush=True)
    print(f"{options.seeds} seeds from {options.seed0}: {broken} broken, {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
