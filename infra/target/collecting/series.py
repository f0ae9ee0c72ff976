"""A file of collected points, one JSON object a line: it only grows, so that byte offsets are positions for good."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Entry = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Series:
    """What a collector has found of one Worker, beside that Worker's log; it outlives the runner as the log does."""

    path: Path

    def repair(self) -> list[Entry]:
        """Cut off the half of a line that a runner's death has left, and return what is there."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self.path, whole)
        return [json.loads(line) for line in data[:whole].splitlines()]

    def append(self, entries: Sequence[Entry]) -> None:
        """Write the entries at the end, in one step. Raises OSError where the disk is full."""
        if entries:
            with self.path.open("ab") as file:
                file.write(b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))


@dataclass(frozen=True, slots=True)
class Note:
    """Why a collector found nothing when it last looked, in words for people."""

    path: Path

    def write(self, text: str) -> None:
        """Replace the note, where it says something else."""
        if self.read() != text:
            self.path.write_text(text)

    def read(self) -> str:
        """Return the note; empty where there is none."""
        try:
            return self.path.read_text()
        except FileNotFoundError:
            return ""
