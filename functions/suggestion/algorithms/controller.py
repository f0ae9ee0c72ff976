"""The controller of ENAS: an LSTM that writes networks layer by layer, and learns by REINFORCE which are good."""

import base64
import math
import zlib
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from events.resource import Manifest
from functions.suggestion.algorithms.tape import (
    Node,
    add_up,
    backpropagate,
    concatenate,
    cross_entropy,
    relative_entropy,
    softmax,
)
from functions.suggestion.history import Floats

_RANGE = 0.01
"""Weights begin this close to zero, as Katib's do."""
_ADAM = (0.9, 0.999, 1e-8)
MAX_REWARD = 1e6
"""Rewards beyond count as this, so that the baseline stays finite."""
_MAX_SLOPE = 1e10
"""Steeper gradients, which only absurd settings give, count as this: its square fits single precision."""

_MAX_STORED = float(np.finfo("<f4").max)


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """Katib's settings, without `controller_`; None leaves a part out."""

    hidden_size: int = 64
    temperature: float | None = 5.0
    tanh_const: float | None = 2.25
    entropy_weight: float | None = 1e-5
    baseline_decay: float = 0.999
    learning_rate: float = 5e-5
    skip_target: float = 0.4
    skip_weight: float | None = 0.8


@dataclass
class Weights:
    """What is learnt, with Adam's moments: three arrays of every name, and the moving baseline."""

    shapes: dict[str, tuple[int, int]]
    values: dict[str, Floats]
    means: dict[str, Floats]
    squares: dict[str, Floats]
    baseline: float | None = None
    steps: int = 0

    @classmethod
    def begin(cls, hidden: int, choices: int, rng: np.random.Generator) -> Self:
        """Return weights that know nothing."""
        shapes = weight_shapes(hidden, choices)
        values = {name: rng.uniform(-_RANGE, _RANGE, shape) for name, shape in shapes.items()}
        means, squares = ({name: np.zeros(it) for name, it in shapes.items()} for _ in range(2))
        return cls(shapes, values, means, squares)

    def to_manifest(self) -> Manifest:
        """Write them in single precision, packed: about 0.7 MB of text for Katib's defaults."""
        parts = [part[name] for part in (self.values, self.means, self.squares) for name in self.shapes]
        raw = b"".join(np.nan_to_num(part).clip(-_MAX_STORED, _MAX_STORED).astype("<f4").tobytes() for part in parts)
        packed = base64.b64encode(zlib.compress(raw, 1)).decode()
        sizes: Manifest = dict(zip(("hidden", "choices"), self.sizes, strict=True))
        return {**sizes, "packed": packed, "baseline": self.baseline, "steps": self.steps}

    @property
    def sizes(self) -> tuple[int, int]:
        """The width of the LSTM, and the number of operations."""
        return self.shapes["operations"]

    @classmethod
    def from_manifest(cls, state: Manifest, hidden: int, choices: int) -> Self | None:
        """Read what `to_manifest` wrote; None where that was a controller of other sizes."""
        if (state.get("hidden"), state.get("choices")) != (hidden, choices):
            return None
        shapes = weight_shapes(hidden, choices)
        numbers = np.frombuffer(zlib.decompress(base64.b64decode(str(state["packed"]))), "<f4").astype(float)
        parts: list[dict[str, Floats]] = [{}, {}, {}]
        start = 0
        for part in parts:
            for name, (height, width) in shapes.items():
                part[name] = numbers[start : start + height * width].reshape(height, width)
                start += height * width
        baseline, steps = state["baseline"], state["steps"]
        assert isinstance(steps, int)
        values, means, squares = parts
        return cls(
            shapes, values, means, squares, float(baseline) if isinstance(baseline, int | float) else None, steps
        )


def weight_shapes(hidden: int, choices: int) -> dict[str, tuple[int, int]]:
    """Return the matrices of a controller, whose number does not depend on the layers."""
    return {
        "lstm": (2 * hidden, 4 * hidden),
        "first": (1, hidden),
        "embedding": (choices, hidden),
        "operations": (hidden, choices),
        "attention_past": (hidden, hidden),
        "attention_now": (hidden, hidden),
        "attention": (hidden, 1),
    }


@dataclass
class _Writing:
    """One network as it is written: what is chosen, and what each choice cost."""

    nodes: dict[str, Node]
    settings: ControllerSettings
    cell: Node
    hidden: Node
    given: list[int] | None
    rng: np.random.Generator | None
    chosen: list[int] = field(default_factory=list)
    costs: list[Node] = field(default_factory=list)
    penalties: list[Node] = field(default_factory=list)
    entropy: float = 0.0

    def step(self, inputs: Node) -> None:
        size = self.hidden.value.shape[1]
        gates = concatenate([inputs, self.hidden], 1) @ self.nodes["lstm"]
        enter, forget, leave = (gates.columns(i * size, (i + 1) * size).sigmoid() for i in range(3))
        self.cell = enter * gates.columns(3 * size, 4 * size).tanh() + forget * self.cell
        self.hidden = leave * self.cell.tanh()

    def shape(self, logits: Node) -> Node:
        tempered = logits.scale(1 / self.settings.temperature) if self.settings.temperature else logits
        return tempered.tanh().scale(self.settings.tanh_const) if self.settings.tanh_const else tempered

    def choose(self, logits: Node) -> list[int]:
        """Take what is given, or draw a choice for each row; note its cost."""
        count, start = len(logits.value), len(self.chosen)
        picked = self.given[start : start + count] if self.given is not None else self._draw(logits.value)
        cost = cross_entropy(logits, picked)
        self.chosen += picked
        self.costs.append(cost.sum())
        self.entropy += float((cost.value * np.exp(-cost.value)).sum())
        return picked

    def _draw(self, logits: Floats) -> list[int]:
        assert self.rng is not None
        levels = np.cumsum(softmax(logits), axis=1)
        drawn = (levels[:, :-1] < self.rng.random((len(logits), 1))).sum(axis=1)
        return [int(index) for index in drawn]


def write(
    weights: Weights,
    settings: ControllerSettings,
    layers: int,
    *,
    given: list[int] | None = None,
    rng: np.random.Generator | None = None,
) -> _Writing:
    """Write a network of so many layers: draw it, or follow the one that is given."""
    nodes = {name: Node(value) for name, value in weights.values.items()}
    zero = Node(np.zeros((1, settings.hidden_size)))
    it = _Writing(nodes, settings, zero, zero, given, rng)
    target = np.array([1 - settings.skip_target, settings.skip_target]).clip(1e-6)
    inputs = nodes["first"]
    states: list[Node] = []
    keys: list[Node] = []
    for _ in range(layers):
        it.step(inputs)
        chosen = it.choose(it.shape(it.hidden @ nodes["operations"]))[0]
        it.step(nodes["embedding"].row(chosen))
        inputs = nodes["first"]
        if states:
            query = (it.hidden @ nodes["attention_now"] + concatenate(keys, 0)).tanh() @ nodes["attention"]
            logits = it.shape(concatenate([query.scale(-1.0), query], 1))
            skips = it.choose(logits)
            it.penalties.append(relative_entropy(logits, target))
            inputs = (Node(np.array([skips], float)) @ concatenate(states, 0)).scale(1 / (1 + sum(skips)))
        states.append(it.hidden)
        keys.append(it.hidden @ nodes["attention_past"])
    return it


def loss_of(writing: _Writing, advantage: float, settings: ControllerSettings) -> Node:
    """Return what training lowers: the cost of a network as much as it was better than usual, and the skip penalty."""
    skips = add_up(writing.penalties).scale((settings.skip_weight or 0.0) / max(1, len(writing.penalties)))
    return add_up(writing.costs).scale(advantage) + skips


def train(weights: Weights, settings: ControllerSettings, layers: int, network: list[int], reward: float) -> None:
    """Learn in place from one network and its own reward: the first reward is the baseline that later ones move."""
    writing = write(weights, settings, layers, given=network)
    total = _bounded(reward + (settings.entropy_weight or 0.0) * writing.entropy)
    before = total if weights.baseline is None else weights.baseline
    weights.baseline = before - (1 - settings.baseline_decay) * (before - total)
    backpropagate(loss_of(writing, total - weights.baseline, settings))
    weights.steps += 1
    _move(weights, settings.learning_rate, {name: node.gradient for name, node in writing.nodes.items()})


def _bounded(reward: float) -> float:
    """Return what counts as the reward: of what cannot be computed nothing is learnt."""
    if math.isnan(reward):
        return 0.0
    return min(max(reward, -MAX_REWARD), MAX_REWARD)


def _move(weights: Weights, rate: float, gradients: dict[str, Floats | None]) -> None:
    """Make one step of Adam."""
    first, second, tiny = _ADAM
    for name, gradient in gradients.items():
        if gradient is None:
            continue
        slope = np.nan_to_num(gradient).clip(-_MAX_SLOPE, _MAX_SLOPE)
        mean = weights.means[name] = first * weights.means[name] + (1 - first) * slope
        square = weights.squares[name] = second * weights.squares[name] + (1 - second) * slope**2
        scale = np.sqrt(square / (1 - second**weights.steps)) + tiny
        weights.values[name] = weights.values[name] - rate * mean / (1 - first**weights.steps) / scale
