"""Collecting: by a collector's kind, which file of a Worker is read, and what is done first to fill it."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from events.objective import CollectorKind
from functions.observation.collectors.lines import split_lines
from functions.worker import LogChunk, Worker
from infra.target.collecting.endpoint import endpoint_of
from infra.target.collecting.scraper import Scraper
from infra.target.collecting.series import Note, Series
from infra.target.collecting.tensorflow_events import EventDirectory
from infra.target.process_spec import collected_path
from infra.target.worker_files import WorkerFiles

CHUNK_BYTES = 256 * 1024
"""Of one read: a long log is read in steps that block nobody."""
SCRAPE_SECONDS = 1.0
"""Between two scrapes of one endpoint: an early stop is decided on what was scraped."""
SCRAPES_AT_A_TIME = 8
COLLECTED = frozenset({CollectorKind.TENSORFLOW_EVENT, CollectorKind.PROMETHEUS_METRIC, CollectorKind.CUSTOM})
"""The kinds whose points come into a file of ours; a Worker's own log or file has those of the others."""

Key = tuple[str, int]
T = TypeVar("T")


class Collecting:
    """What this process has open of the Workers whose metrics it collects; all of it can be opened again."""

    def __init__(self, *, scrape_seconds: float = SCRAPE_SECONDS) -> None:
        self._scrape_seconds = scrape_seconds
        self._pool = ThreadPoolExecutor(SCRAPES_AT_A_TIME, thread_name_prefix="kuttab-scrape")
        self._directories: dict[Key, EventDirectory] = {}
        self._scrapers: dict[Key, Scraper] = {}

    def read(self, worker: Worker, files: WorkerFiles, start: int, *, is_over: bool) -> LogChunk:
        """Return lines of what the collector reads, from this byte on."""
        has_more = self._advance(worker, files, is_over=is_over)
        source = f"{worker.trial.uid}/{worker.attempt}"
        try:
            with _path_of(worker, files).open("rb") as file:
                file.seek(start)
                data = file.read(CHUNK_BYTES)
                is_cut = len(data) == CHUNK_BYTES and os.fstat(file.fileno()).st_size > start + len(data)
        except (FileNotFoundError, IsADirectoryError):
            return LogChunk(source=source, start=start, end=start)
        lines, end = split_lines(data, start, is_over=is_over and not is_cut)
        return LogChunk(source=source, start=start, end=end, lines=lines, has_more=is_cut or has_more)

    def _advance(self, worker: Worker, files: WorkerFiles, *, is_over: bool) -> bool:
        """Bring what is new into the file; tell whether there is more at once."""
        match worker.collector.kind:
            case CollectorKind.TENSORFLOW_EVENT:
                return _of(self._directories, worker, lambda: _open_directory(worker, files)).advance()
            case CollectorKind.PROMETHEUS_METRIC if not is_over and (identity := files.find_identity()):
                scraper = _of(self._scrapers, worker, lambda: _open_scraper(worker, files))
                scraper.advance(identity, self._pool, self._scrape_seconds)
        return False

    def explain(self, worker: Worker, files: WorkerFiles) -> str:
        """Return in words what the collector found of a Worker that is over, for a Trial without its metric."""
        if worker.collector.kind not in COLLECTED:
            return ""
        self._advance(worker, files, is_over=True)
        if worker.collector.kind == CollectorKind.CUSTOM:
            is_silent = not files.series.exists() or not files.series.stat().st_size
            return "the collector's command printed nothing" if is_silent else ""
        return Note(files.note).read()

    def forget(self, trial_uid: str, attempt: int) -> None:
        """Close what is open of this attempt."""
        self._directories.pop((trial_uid, attempt), None)
        self._scrapers.pop((trial_uid, attempt), None)


def _path_of(worker: Worker, files: WorkerFiles) -> Path:
    if worker.collector.kind in COLLECTED:
        return files.series
    path = collected_path(worker)
    return files.mapped(path) if path else files.log


def _of(known: dict[Key, T], worker: Worker, make: Callable[[], T]) -> T:
    key = (worker.trial.uid, worker.attempt)
    if key not in known:
        known[key] = make()
    return known[key]


def _open_directory(worker: Worker, files: WorkerFiles) -> EventDirectory:
    directory = files.mapped(collected_path(worker))
    return EventDirectory(directory, worker.metric_names, Series(files.series), Note(files.note))


def _open_scraper(worker: Worker, files: WorkerFiles) -> Scraper:
    endpoint = endpoint_of(worker.collector)
    port = files.find_metrics_port()
    return Scraper(endpoint, worker.metric_names, Series(files.series), Note(files.note), own_port=port)
