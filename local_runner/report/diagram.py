"""What an architecture is drawn from: boxes in rows, from the input at the top to the output, and the links between."""

from dataclasses import dataclass
from enum import StrEnum


class BoxKind(StrEnum):
    """What a box stands for; each looks different."""

    END = "end"
    """The input or the output of a network or cell."""
    NODE = "node"
    """A sum of what leads to it."""
    OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class Box:
    """One thing of the drawing."""

    name: str
    kind: BoxKind
    details: str = ""
    """A second, smaller line, such as the operation's parameters."""

    @property
    def text(self) -> str:
        """Both lines as one."""
        return f"{self.name} ({self.details})" if self.details else self.name


@dataclass(frozen=True, slots=True)
class Link:
    """What the box `source` gives to the box `target`, by their places in all rows; it always leads downwards."""

    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Diagram:
    """A network, or a cell of one."""

    title: str
    rows: tuple[tuple[Box, ...], ...]
    links: tuple[Link, ...]

    @property
    def boxes(self) -> list[Box]:
        """All boxes, row by row: what links count."""
        return [box for row in self.rows for box in row]

    @property
    def row_numbers(self) -> list[int]:
        """The row of each box."""
        return [number for number, row in enumerate(self.rows) for _ in row]

    def sentences(self) -> list[str]:
        """Return the diagram in words: each box that something leads to, and what does."""
        boxes = self.boxes
        sources: dict[int, list[str]] = {}
        for link in self.links:
            sources.setdefault(link.target, []).append(boxes[link.source].name)
        return [f"{boxes[target].text} from {', '.join(names)}" for target, names in sorted(sources.items())]


class ArchitectureError(ValueError):
    """The text is no architecture that can be drawn: the message says why, and the text is shown as it is."""
