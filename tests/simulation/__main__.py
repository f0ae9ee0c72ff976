"""Simulate many seeds on all cores: `python -m tests.simulation --seeds 3000 --seed0 0`."""

import argparse
import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter

from tests.simulation.coverage import render
from tests.simulation.run import run_seed


def attempt(seed: int) -> tuple[int, str, Counter[str]]:
    """Run a seed and return what broke, or nothing, and what came about."""
    try:
        return seed, "", run_seed(seed).clockwork.happened
    except Exception as error:  # noqa: BLE001 - reported with its replay
        last = traceback.format_exception(error)[-2:]
        return seed, f"{type(error).__name__}: {error}\n{''.join(last)}", Counter()


def main() -> int:
    """Run the seeds; the exit status is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many")
    parser.add_argument("--seed0", type=int, default=0, help="the first")
    options = parser.parse_args()
    began, broken = time.monotonic(), 0
    happened, seeds_with = Counter[str](), Counter[str]()
    seeds = range(options.seed0, options.seed0 + options.seeds)
    with multiprocessing.Pool(min(os.cpu_count() or 1, options.seeds)) as pool:
        for seed, problem, seen in pool.imap_unordered(attempt, seeds, chunksize=4):
            happened += seen
            seeds_with.update((+seen).keys())
            if problem:
                broken += 1
                print(f"seed {seed}: {problem}  replay: make simulate SEEDS=1 SEED0={seed}", flush=True)
    print(render(happened, seeds_with))
    print(f"{options.seeds} seeds from {options.seed0}: {broken} broken, {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
