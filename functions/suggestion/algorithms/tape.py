"""Gradients by a tape: each operation remembers how its result's gradient becomes those of its inputs."""

from collections.abc import Callable, Sequence

import numpy as np

from functions.suggestion.history import Floats

Backward = Callable[[Floats], tuple[Floats, ...]]


class Node:
    """A matrix that was computed, from what, and how gradients flow back."""

    __slots__ = ("backward", "gradient", "inputs", "value")

    def __init__(self, value: Floats, inputs: tuple["Node", ...] = (), backward: Backward | None = None) -> None:
        self.value = value
        self.inputs = inputs
        self.backward = backward
        self.gradient: Floats | None = None

    def __matmul__(self, other: "Node") -> "Node":
        """Multiply matrices."""
        return Node(self.value @ other.value, (self, other), lambda g: (g @ other.value.T, self.value.T @ g))

    def __add__(self, other: "Node") -> "Node":
        """Add; a single row is added to every row."""
        shapes = self.value.shape, other.value.shape
        return Node(self.value + other.value, (self, other), lambda g: (_fold(g, shapes[0]), _fold(g, shapes[1])))

    def __mul__(self, other: "Node") -> "Node":
        """Multiply element by element, both of one shape."""
        return Node(self.value * other.value, (self, other), lambda g: (g * other.value, g * self.value))

    def scale(self, factor: float) -> "Node":
        """Multiply by a constant."""
        return Node(self.value * factor, (self,), lambda g: (g * factor,))

    def tanh(self) -> "Node":
        """Return the hyperbolic tangent."""
        result = np.tanh(self.value)
        return Node(result, (self,), lambda g: (g * (1 - result * result),))

    def sigmoid(self) -> "Node":
        """Return the logistic function, by the one that cannot overflow."""
        result = (1 + np.tanh(self.value / 2)) / 2
        return Node(result, (self,), lambda g: (g * result * (1 - result),))

    def columns(self, start: int, end: int) -> "Node":
        """Return some columns."""
        return Node(self.value[:, start:end], (self,), lambda g: (_place(self.value, np.s_[:, start:end], g),))

    def row(self, index: int) -> "Node":
        """Return one row, as a matrix."""
        part = np.s_[index : index + 1]
        return Node(self.value[part], (self,), lambda g: (_place(self.value, part, g),))

    def sum(self) -> "Node":
        """Return the sum of all elements, as a matrix of one."""
        return Node(np.full((1, 1), self.value.sum()), (self,), lambda g: (np.broadcast_to(g, self.value.shape),))


def concatenate(nodes: Sequence[Node], axis: int) -> Node:
    """Put matrices below (0) or beside (1) each other."""
    places = np.cumsum([node.value.shape[axis] for node in nodes])[:-1]
    joined: Floats = np.concatenate([node.value for node in nodes], axis)
    return Node(joined, tuple(nodes), lambda g: tuple(np.split(g, places, axis)))


def cross_entropy(logits: Node, chosen: Sequence[int]) -> Node:
    """Return minus the logarithm of the probability of each row's choice, as a column."""
    shares = softmax(logits.value)
    picked = np.arange(len(chosen)), np.asarray(chosen)
    one_hot = np.zeros_like(shares)
    one_hot[picked] = 1.0
    cost: Floats = -np.log(np.maximum(shares[picked], np.finfo(float).tiny))[:, None]
    return Node(cost, (logits,), lambda g: ((shares - one_hot) * g,))


def relative_entropy(logits: Node, target: Floats) -> Node:
    """Return the penalty of chances that differ from the target ones, added up: Katib's, with a logistic each."""
    shares = (1 + np.tanh(logits.value / 2)) / 2
    logs = np.log(np.maximum(shares, np.finfo(float).tiny) / target)
    total = np.full((1, 1), (shares * logs).sum())
    return Node(total, (logits,), lambda g: (g * (logs + 1) * shares * (1 - shares),))


def softmax(logits: Floats) -> Floats:
    """Return each row as probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def add_up(nodes: Sequence[Node]) -> Node:
    """Return the sum of matrices of one element; nothing is zero."""
    total = Node(np.zeros((1, 1)))
    for node in nodes:
        total = total + node
    return total


def backpropagate(result: Node) -> None:
    """Leave in every node the result's gradient by it."""
    result.gradient = np.ones_like(result.value)
    for node in reversed(_in_order(result)):
        if node.backward is None or node.gradient is None:
            continue
        for source, gradient in zip(node.inputs, node.backward(node.gradient), strict=True):
            source.gradient = gradient if source.gradient is None else source.gradient + gradient


def _in_order(result: Node) -> list[Node]:
    """Return every node after its inputs; a stack, since a network is deeper than Python's recursion."""
    order: list[Node] = []
    seen: set[int] = set()
    stack = [(result, False)]
    while stack:
        node, is_expanded = stack.pop()
        if is_expanded:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((it, False) for it in node.inputs if id(it) not in seen)
    return order


def _fold(gradient: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the gradient of a matrix whose single row was added to all."""
    folded: Floats = gradient.sum(axis=0, keepdims=True) if shape[0] == 1 and gradient.shape[0] > 1 else gradient
    return folded


def _place(like: Floats, part: slice | tuple[slice, slice], gradient: Floats) -> Floats:
    whole = np.zeros_like(like)
    whole[part] = gradient
    return whole
