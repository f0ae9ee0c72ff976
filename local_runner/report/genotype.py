"""A genotype of DARTS as diagrams: one for each of its two cells."""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from local_runner.report.diagram import ArchitectureError, Box, BoxKind, Diagram, Link

MAX_NODES = 32
MAX_OPERATIONS = 8
"""Of one node: side by side they still fit on a page."""

_INPUTS: Final = (Box("c(k-2)", BoxKind.END, "cell before the last"), Box("c(k-1)", BoxKind.END, "last cell"))
_CELLS: Final = {"normal": "Normal cell", "reduce": "Reduction cell"}
_PAIR: Final = 2
"""In the flat form of the DARTS paper's own code each node has two operations."""

Operation = tuple[str, Annotated[int, Field(ge=0)]]
Node = Annotated[list[Operation], Field(min_length=1, max_length=MAX_OPERATIONS)]
Cell = Annotated[list[Node], Field(max_length=MAX_NODES)]

_GENOTYPE = re.compile(
    r"Genotype\( *normal=(?P<normal>\[.*\]), *normal_concat=(?P<normal_concat>[^=]*),"
    r" *reduce=(?P<reduce>\[.*\]), *reduce_concat=(?P<reduce_concat>[^=]*)\)"
)
_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|[()]")
_RANGE = re.compile(r"range\( *(\d{1,6}) *, *(\d{1,6}) *\)")
_NESTED: TypeAdapter[list[Node]] = TypeAdapter(Cell)
_FLAT: TypeAdapter[list[Operation]] = TypeAdapter(Annotated[list[Operation], Field(max_length=_PAIR * MAX_NODES)])
_NUMBERS: TypeAdapter[list[int]] = TypeAdapter(list[int])


def read_genotype(text: str) -> tuple[Diagram, ...]:
    """Return the cells that have nodes: a search of few layers has no reduction cell. Raises ArchitectureError."""
    found = _GENOTYPE.fullmatch(text.strip())
    if found is None:
        message = "it is not written as Genotype(normal=[…],normal_concat=…,reduce=[…],reduce_concat=…)"
        raise ArchitectureError(message)
    cells = ((title, _nodes(found[name]), _numbers(found[f"{name}_concat"])) for name, title in _CELLS.items())
    diagrams = tuple(_draw(title, nodes, joined) for title, nodes, joined in cells if nodes)
    if not diagrams:
        message = "both cells are empty"
        raise ArchitectureError(message)
    return diagrams


def _nodes(text: str) -> list[Node]:
    written = _to_json(text)
    try:
        return _NESTED.validate_json(written)
    except ValidationError as error:
        try:
            flat = _FLAT.validate_json(written)
        except ValidationError:
            first = error.errors()[0]
            message = f"{'.'.join(map(str, first['loc'])) or 'a cell'}: {first['msg']}"
            raise ArchitectureError(message) from error
        return [flat[start : start + _PAIR] for start in range(0, len(flat), _PAIR)]


def _to_json(text: str) -> str:
    """Write Python's lists, tuples and names as JSON; what stands in quotes stays as it is."""
    brackets = {"(": "[", ")": "]"}
    return _TOKEN.sub(lambda found: brackets.get(found[0]) or json.dumps(found[0][1:-1]), text)


def _numbers(text: str) -> list[int]:
    if found := _RANGE.fullmatch(text.strip()):
        return list(range(int(found[1]), min(int(found[2]), len(_INPUTS) + MAX_NODES + 1)))
    try:
        return _NUMBERS.validate_json(_to_json(text))
    except ValidationError as error:
        message = f"{text[:40]} is no list of nodes"
        raise ArchitectureError(message) from error


def _draw(title: str, nodes: list[Node], joined: list[int]) -> Diagram:
    """Stack the nodes, each below its operations; `places` says where each tensor's box is."""
    rows: list[tuple[Box, ...]] = [_INPUTS]
    places, links, count = [0, 1], list[Link](), len(_INPUTS)
    for number, node in enumerate(nodes):
        _check(number, [source for _, source in node])
        rows += [tuple(Box(name, BoxKind.OPERATION) for name, _ in node), (Box(f"node {number}", BoxKind.NODE),)]
        below = count + len(node)
        for place, (_, source) in enumerate(node, start=count):
            links += [Link(places[source], place), Link(place, below)]
        places.append(below)
        count = below + 1
    rows.append((Box("c(k)", BoxKind.END, "joined"),))
    links += _joins(places, joined, count)
    return Diagram(title, tuple(rows), tuple(links))


def _check(number: int, sources: list[int]) -> None:
    wrong = [source for source in sources if source >= number + len(_INPUTS)]
    if wrong:
        message = f"node {number} takes from {wrong[0]}, and only 0 to {number + 1} are before it"
        raise ArchitectureError(message)


def _joins(places: list[int], joined: list[int], output: int) -> Iterator[Link]:
    for tensor in dict.fromkeys(joined):
        if not 0 <= tensor < len(places):
            message = f"the output joins {tensor}, and there are only 0 to {len(places) - 1}"
            raise ArchitectureError(message)
        yield Link(places[tensor], output)
