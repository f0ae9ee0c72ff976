"""Networks of DARTS' cells: the super-net, in which every edge is a mixture of all operations, and what is derived."""

from collections import namedtuple
from collections.abc import Sequence

import torch
from digits_data import CLASSES
from torch import Tensor, nn
from torch.nn import functional

Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")  # noqa: PYI024 - its repr is the result

Edge = tuple[int, Sequence[str]]
"""The tensor that it comes from, 0 and 1 are the cell's inputs, and the operations that it mixes."""

NONE = "none"
EDGES_OF_A_NODE = 2
"""So many are kept of each node when a cell is derived."""


def all_edges(nodes: int, names: Sequence[str]) -> list[list[Edge]]:
    """Return the super-net's cell: every node takes from all that is before it, by every operation or none."""
    return [[(source, (*names, NONE)) for source in range(2 + node)] for node in range(nodes)]


class Network(nn.Module):
    """A stem, cells, and a linear head; the cells a third and two thirds of the way down halve the image."""

    def __init__(
        self, normal: list[list[Edge]], reduce: list[list[Edge]], *, layers: int, channels: int, stem_multiplier: int
    ) -> None:
        super().__init__()
        width = channels * stem_multiplier
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        self.edges = {"normal": normal, "reduce": reduce}
        self.alphas = nn.ParameterDict(
            {
                f"{kind}{number}": nn.Parameter(1e-3 * torch.randn(len(node), len(node[0][1])))
                for kind, nodes in self.edges.items()
                for number, node in enumerate(nodes)
            }
        )
        self.kinds = ["reduce" if it in {layers // 3, 2 * layers // 3} else "normal" for it in range(layers)]
        cells, widths, is_after_reduction = [], (width, width), False
        for kind in self.kinds:
            channels *= 2 if kind == "reduce" else 1
            cells.append(Cell(self.edges[kind], kind, widths, channels, is_after_reduction=is_after_reduction))
            widths, is_after_reduction = (widths[1], channels * len(self.edges[kind])), kind == "reduce"
        self.cells = nn.ModuleList(cells)
        self.head = nn.Linear(widths[1], CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        before = last = self.stem(images)
        for cell, kind in zip(self.cells, self.kinds, strict=True):
            shares = [functional.softmax(alpha, dim=1) for alpha in self.alphas_of(kind)]
            before, last = last, cell(before, last, shares)
        return self.head(last.mean(dim=(2, 3)))

    def alphas_of(self, kind: str) -> list[nn.Parameter]:
        return [self.alphas[f"{kind}{number}"] for number in range(len(self.edges[kind]))]

    def weights(self) -> list[nn.Parameter]:
        """Return what is no architecture."""
        return [it for name, it in self.named_parameters() if not name.startswith("alphas.")]

    def genotype(self) -> Genotype:
        """Return the two strongest edges of every node, each with its strongest operation but `none`."""
        normal, reduce = (
            [strongest_edges(alpha, edges) for alpha, edges in zip(self.alphas_of(kind), self.edges[kind], strict=True)]
            for kind in ("normal", "reduce")
        )
        joined = range(2, 2 + len(normal))
        return Genotype(normal, joined, reduce, joined)


def strongest_edges(alpha: Tensor, edges: list[Edge]) -> list[tuple[str, int]]:
    shares = functional.softmax(alpha.detach(), dim=1)
    found = []
    for (source, names), row in zip(edges, shares.tolist(), strict=True):
        share, name = max((share, name) for share, name in zip(row, names, strict=True) if name != NONE)
        found.append((share, name, source))
    kept = sorted(found, reverse=True)[:EDGES_OF_A_NODE]
    return sorted(((name, source) for _, name, source in kept), key=lambda it: it[1])


class Cell(nn.Module):
    """Nodes that each add up what their edges bring; all of them side by side are what the cell gives."""

    def __init__(
        self, nodes: list[list[Edge]], kind: str, widths: tuple[int, int], channels: int, *, is_after_reduction: bool
    ) -> None:
        super().__init__()
        self.sources = [[source for source, _ in node] for node in nodes]
        # After a reduction the cell before the last one gives images that are twice as large.
        self.enter = nn.ModuleList(
            [
                convolve(widths[0], channels, stride=2 if is_after_reduction else 1),
                convolve(widths[1], channels),
            ]
        )
        self.nodes = nn.ModuleList(
            [
                nn.ModuleList(
                    [
                        nn.ModuleList(
                            [
                                build_operation(name, channels, stride=2 if kind == "reduce" and source < 2 else 1)
                                for name in names
                            ]
                        )
                        for source, names in node
                    ]
                )
                for node in nodes
            ]
        )

    def forward(self, before: Tensor, last: Tensor, shares: list[Tensor]) -> Tensor:
        tensors = [self.enter[0](before), self.enter[1](last)]
        for node, sources, share in zip(self.nodes, self.sources, shares, strict=True):
            tensors.append(
                sum(
                    weight * operation(tensors[source])
                    for edge, source, weights in zip(node, sources, share, strict=True)
                    for operation, weight in zip(edge, weights, strict=True)
                )
            )
        return torch.cat(tensors[2:], dim=1)


class Nothing(nn.Module):
    """No edge: zeros of the right size."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, images: Tensor) -> Tensor:
        return torch.zeros_like(images[:, :, :: self.stride, :: self.stride])


def build_operation(name: str, channels: int, *, stride: int) -> nn.Module:
    """Return an operation by the name that Kuttab gives it: its kind and its size, such as `max_pooling_3x3`."""
    if name == NONE:
        return Nothing(stride)
    if name == "skip_connection":
        return nn.Identity() if stride == 1 else convolve(channels, channels, stride=stride)
    kind, _, size_text = name.rpartition("_")
    size = int(size_text.partition("x")[0])
    match kind:
        case "max_pooling":
            return nn.Sequential(nn.MaxPool2d(size, stride, padding=size // 2), normalize(channels))
        case "avg_pooling":
            pool = nn.AvgPool2d(size, stride, padding=size // 2, count_include_pad=False)
            return nn.Sequential(pool, normalize(channels))
        case "separable_convolution":
            return separable(channels, size, stride=stride)
        case "dilated_convolution":
            return separable(channels, size, stride=stride, dilation=2)
    raise SystemExit(f"there is no operation {name}")


def convolve(inputs: int, outputs: int, *, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, outputs, 1, stride, bias=False), normalize(outputs))


def separable(channels: int, size: int, *, stride: int, dilation: int = 1) -> nn.Module:
    padding = dilation * (size - 1) // 2
    deep = nn.Conv2d(channels, channels, size, stride, padding, dilation, groups=channels, bias=False)
    return nn.Sequential(nn.ReLU(), deep, nn.Conv2d(channels, channels, 1, bias=False), normalize(channels))


def normalize(channels: int) -> nn.Module:
    """Return a normalization without a scale of its own, which would compete with the mixture's."""
    return nn.BatchNorm2d(channels, affine=False)
