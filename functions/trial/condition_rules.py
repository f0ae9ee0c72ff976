"""Whether a condition of a template can be a GJSON path: to its reader a wrong one is no error, it never matches."""

import re

_LITERAL = re.compile(r'\\.|"(?:[^"\\]|\\.)*"', re.DOTALL)
"""What stands for itself: an escaped character, a quoted text."""
_PAIR = re.compile(r"\([^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}")
_BRACKET = re.compile(r"[()\[\]{}]")
_EMPTY_PART = re.compile(r"^[.|]|[.|]{2}|[.|]$")
_LINES = ".."
"""In front of a path it means that every line is a document."""


def find_gjson_problem(path: str) -> str | None:
    """Return why nothing can ever match this path, or None."""
    rest = _LITERAL.sub("_", path.removeprefix(_LINES))
    if '"' in rest:
        return "a quote is not closed"
    while (shorter := _PAIR.sub("_", rest)) != rest:
        rest = shorter
    if bracket := _BRACKET.search(rest):
        return f"{bracket[0]!r} has no counterpart"
    return "a part is empty" if _EMPTY_PART.search(rest) else None
