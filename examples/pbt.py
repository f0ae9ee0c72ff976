"""Teach a small neural network a curved surface from noisy samples, going on from where the checkpoint stands.

The learning rate matters, and no single one is best: a large one is quick in the beginning, and later on it follows
the noise; a small one would do better then, but never gets there.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HIDDEN_UNITS = 24
NOISE = 0.5
REPORTS = 4

Floats = NDArray[np.float64]
Weights = dict[str, Floats]


def main() -> None:
    options = read_options()
    weights, seen = load(options.checkpoint)
    points = np.random.default_rng(0).uniform(-1, 1, (2_000, 2))
    for _ in range(REPORTS):
        train(weights, options, np.random.default_rng(seen + 1))
        seen += options.samples // REPORTS
        loss = float(((forward(weights, points)[1] - surface(points)) ** 2).mean())
        print(f"samples={seen} loss={min(loss, 100.0):.6f}", flush=True)
    save(options.checkpoint, weights, seen)


def surface(points: Floats) -> Floats:
    """Return the heights that are to be learnt."""
    x, y = points.T
    return np.sin(3 * x) * np.cos(2 * y) + 0.5 * x * y


def train(weights: Weights, options: argparse.Namespace, rng: np.random.Generator) -> None:
    """Descend by as many batches as there are samples for; each sample is seen once."""
    for _ in range(options.samples // REPORTS // options.batch_size):
        points = rng.uniform(-1, 1, (options.batch_size, 2))
        heights = surface(points) + rng.normal(0, NOISE, options.batch_size)
        hidden, guesses = forward(weights, points)
        error = np.clip(guesses - heights, -10, 10) / options.batch_size
        back = np.outer(error, weights["out"]) * (1 - hidden**2)
        weights["out"] -= options.learning_rate * (hidden.T @ error)
        weights["out_bias"] -= options.learning_rate * error.sum()
        weights["in"] -= options.learning_rate * (points.T @ back)
        weights["in_bias"] -= options.learning_rate * back.sum(axis=0)


def forward(weights: Weights, points: Floats) -> tuple[Floats, Floats]:
    """Return what the hidden units say, and the heights that the network guesses."""
    hidden = np.tanh(points @ weights["in"] + weights["in_bias"])
    return hidden, hidden @ weights["out"] + weights["out_bias"]


def load(directory: Path | None) -> tuple[Weights, int]:
    """Return the weights of the checkpoint and the samples that they have seen; fresh ones where there is none."""
    file = directory / "weights.npz" if directory else None
    if file and file.exists():
        with np.load(file) as saved:
            return {name: saved[name] for name in saved.files if name != "seen"}, int(saved["seen"])
    rng = np.random.default_rng(1)
    return {
        "in": rng.normal(0, 1, (2, HIDDEN_UNITS)),
        "in_bias": rng.normal(0, 1, HIDDEN_UNITS),
        "out": rng.normal(0, 0.1, HIDDEN_UNITS),
        "out_bias": np.zeros(()),
    }, 0


def save(directory: Path | None, weights: Weights, seen: int) -> None:
    """Write the checkpoint at once or not at all: a Worker may be killed at any moment."""
    if directory is None:
        return
    draft = directory / "draft.npz"
    np.savez(draft, seen=seen, **weights)
    draft.replace(directory / "weights.npz")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--samples", type=int, default=20_000, help="how many more to learn from")
    place = os.environ.get("KUTTAB_CHECKPOINT")
    parser.add_argument("--checkpoint", type=Path, default=Path(place) if place else None, help="a directory")
    return parser.parse_args()


if __name__ == "__main__":
    main()
