"""Copy a log to standard output: from a position on, or its last lines, in pieces of bounded size."""

import sys
from pathlib import Path

FOLLOW_SECONDS = 0.25
_PIECE_BYTES = 64 * 1024


def copy_from(path: Path, position: int) -> int:
    """Print the bytes from the position on, as they are, and return where they end."""
    output = sys.stdout.buffer
    with path.open("rb") as file:
        file.seek(position)
        while piece := file.read(_PIECE_BYTES):
            output.write(piece)
            position += len(piece)
    output.flush()
    return position


def copy_new(path: Path, position: int | None, line_count: int) -> int | None:
    """Print what has come since, at first the last lines; None while there is no log yet."""
    if not path.exists():
        return None
    return copy_from(path, tail_position(path, line_count) if position is None else position)


def tail_position(path: Path, line_count: int) -> int:
    """Return where the last lines begin; negative counts mean all of them."""
    if line_count < 0:
        return 0
    with path.open("rb") as file:
        position = end = file.seek(0, 2)
        wanted = line_count
        while position > 0:
            size = min(_PIECE_BYTES, position)
            position = file.seek(position - size)
            piece = file.read(size)
            # The newline that ends the last line begins no line after it.
            stop = size - 1 if position + size == end and piece.endswith(b"\n") else size
            while (found := piece.rfind(b"\n", 0, stop)) >= 0:
                wanted -= 1
                if wanted == 0:
                    return position + found + 1
                stop = found
    return end if line_count == 0 else 0
