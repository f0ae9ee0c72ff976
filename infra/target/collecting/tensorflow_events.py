"""TensorFlowEvent: the scalars of a directory of event files, read by TensorBoard's reader."""

import threading
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from infra.target.collecting.series import Entry, Note, Series

HINT = "needs TensorBoard on the host that runs the Worker: pip install 'kuttab[tensorboard]'"
MAX_FILES = 1_000
"""Files of one directory: a training writes one a run and restart."""
EVENTS_PER_LOOK = 20_000
"""Of one file: the next look reads on."""
_TAGS_TOLD = 20


def is_installed() -> bool:
    """Tell whether event files can be read here; importing the reader costs half a second, asking costs nothing."""
    return find_spec("tensorboard") is not None


class EventDirectory:
    """Copies the wanted scalars into a series, each value once, in the order of its file.

    A value's identity is its file and its place among the values that were taken from it. So a runner that comes back
    goes on where the series ends.
    """

    def __init__(self, directory: Path, metric_names: Sequence[str], series: Series, note: Note) -> None:
        self._directory = directory
        self._names = tuple(dict.fromkeys(metric_names))
        self._series = series
        self._note = note
        self._taken: dict[str, int] = {}
        for entry in series.repair():
            self._taken[str(entry["@file"])] = int(str(entry["@value"]))
        self._seen: dict[str, int] = {}
        self._loaders: dict[str, Any] = {}
        self._tags: set[str] = set()
        self._lock = threading.Lock()

    def advance(self) -> bool:
        """Read every file on; tell whether there is more to read at once."""
        with self._lock:
            paths = sorted(path for path in self._directory.rglob("*tfevents*") if path.is_file())[:MAX_FILES]
            has_more = [self._read(path) for path in paths]
            self._note.write(self._explain(len(paths)))
            return any(has_more)

    def _read(self, path: Path) -> bool:
        """Append what is new in one file. A file that is cut off or damaged is read up to there."""
        name = str(path.relative_to(self._directory))
        if name not in self._loaders:
            self._loaders[name] = _open(path)
        events = list(islice(self._loaders[name].Load(), EVENTS_PER_LOOK))
        self._series.append([entry for event in events for entry in self._entries(event, name, path.parent)])
        return len(events) == EVENTS_PER_LOOK

    def _entries(self, event: Any, name: str, directory: Path) -> Iterator[Entry]:  # noqa: ANN401 - TensorBoard's message
        for value in event.summary.value:
            text = _to_text(value)
            if text is None:
                continue
            if len(self._tags) < _TAGS_TOLD:
                self._tags.add(value.tag)
            for metric in metrics_of(value.tag, str(directory), self._names):
                self._seen[name] = self._seen.get(name, 0) + 1
                if self._seen[name] > self._taken.get(name, 0):
                    place = {"@file": name, "@value": self._seen[name]}
                    yield {"timestamp": event.wall_time, metric: text, **place}

    def _explain(self, file_count: int) -> str:
        if not file_count:
            return "there is no event file in the collector's directory"
        return f"the event files have these tags: {', '.join(sorted(self._tags)) or 'none with a number'}"


def metrics_of(tag: str, directory: str, names: Sequence[str]) -> list[str]:
    """Return the metrics that a tag in this directory stands for, by Katib's rule and less its mix-ups.

    `train/accuracy` takes tags that begin with `accuracy` in a directory `train`, `accuracy` those in any. A tag that
    is a metric's name to the letter is that metric only, and no other one whose name it begins with.
    """
    exact, similar = [], []
    for name in names:
        place, _, base = name.rpartition("/")
        is_here = not place or f"/{directory}".endswith(f"/{place}")
        if tag == name or (is_here and tag == base):
            exact.append(name)
        elif is_here and tag.startswith(base):
            similar.append(name)
    return exact or similar


def _open(path: Path) -> Any:  # noqa: ANN401 - TensorBoard has no types
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    return LegacyEventFileLoader(str(path))


def _to_text(value: Any) -> str | None:  # noqa: ANN401 - TensorBoard's message
    """Return a value that is one number, as short as it can be written; None for everything else."""
    import numpy as np
    from tensorboard.util.tensor_util import make_ndarray

    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return str(np.float32(value.simple_value))
    if kind != "tensor":
        return None
    array = make_ndarray(value.tensor)
    return str(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "fiu" else None
