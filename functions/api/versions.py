"""Resource versions of lists and watches: whole numbers that grow with time, as Kubernetes' clients compare them.

The upper bits are milliseconds since 1970. The lower 22 say of what: of one resource its row's version, which a write
may name as its precondition; of a list, or a bookmark, that nothing of that millisecond is still to come. What a
single Experiment bears when it is read is its row's version alone.
"""

_BITS = 22
_MASK = (1 << _BITS) - 1
_SMALLEST_LABEL = 1 << 40
"""No row is changed so often, and no time of a label is so early."""


def whole_label(at_millis: int) -> int:
    """Return the version of everything as it was at this time."""
    return at_millis << _BITS | _MASK


def change_label(at_millis: int, version: int) -> int:
    """Return the version of one change that was found at this time."""
    return at_millis << _BITS | min(version & _MASK, _MASK - 1)


def time_of(label: int) -> int:
    """Return the milliseconds of a version."""
    return label >> _BITS


def parse_label(text: str) -> int | None:
    """Return the version that a watch goes on from; None where it is to begin with what is there.

    Raises ValueError where it is no number.
    """
    return int(text) if text not in {"", "0"} else None


def is_before(label: int, at_millis: int) -> bool:
    """Tell whether a change of this time is still to come for who has seen this version."""
    seen_at = time_of(label)
    return at_millis > seen_at or (at_millis == seen_at and label & _MASK != _MASK)


def row_version(text: str) -> str:
    """Return the version of the row that a precondition means, be it from a read or from a watch."""
    given = int(text) if text.isascii() and text.isdigit() else 0
    return str(given & _MASK if given >= _SMALLEST_LABEL else given)
