"""`kuttab collect`: what a metrics collector would read in a file, line by line."""

from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from events.observation import MetricPoint
    from functions.observation.collectors.text import Parser
    from functions.worker import LogLine

_READ_BYTES = 1024 * 1024


@click.command()
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--filter", "filters", multiple=True, metavar="REGEX", help="As metricsFormat has it; Katib's by default."
)
@click.option("--format", "kind", type=click.Choice(["TEXT", "JSON"]), default="TEXT", help="As fileSystemPath has it.")
@click.option("--metric", "names", multiple=True, metavar="NAME", help="Only this metric; everything found by default.")
@click.option("--all", "is_whole", is_flag=True, help="Show the lines in which nothing is found as well.")
@click.option(
    "--follow", "is_following", is_flag=True, help="Print FILE's lines as they come, until SIGTERM: a pod's sidecar."
)
@click.option("--events", "is_events", is_flag=True, help="With --follow: FILE is a directory of event files.")
@click.option("--scrape", "is_scrape", is_flag=True, help="With --follow: FILE is the URL of a Prometheus endpoint.")
@click.option(
    "--ready", metavar="PATH", type=click.Path(path_type=Path), help="With --follow: a file to make once it is at work."
)
def command(
    *,
    file: str,
    filters: tuple[str, ...],
    kind: str,
    names: tuple[str, ...],
    is_whole: bool,
    is_following: bool,
    is_events: bool,
    is_scrape: bool,
    ready: Path | None,
) -> None:
    """Show the metrics that a collector would read in FILE (- is standard input), to try a regular expression on a log.

    Each line has the line's number, the metric, its value and its time. Exit status 1: nothing was found.
    """
    if is_following:
        from local_runner.cli.following import follow

        follow(file, names, is_events=is_events, is_scrape=is_scrape, ready=ready)
        return
    if is_events or is_scrape:
        raise click.UsageError("--events and --scrape need --follow")
    with click.open_file(file, "rb") as opened:
        _show(opened, _parser(filters, kind, names), is_whole=is_whole)


def _show(file: IO[bytes], parser: "Parser", *, is_whole: bool) -> None:
    """Print what the collector finds. Raises Exit where that is nothing."""
    line_count = point_count = 0
    for line_count, line in enumerate(_lines(file), start=1):
        points = parser.parse([line])
        point_count += len(points)
        for point in points:
            click.echo(_describe(line_count, point))
        if not points and is_whole:
            click.echo(f"{line_count}\t-\t{line.text}")
    click.echo(f"{point_count} found in {line_count} lines{_complaint(parser)}", err=True)
    if not point_count:
        raise click.exceptions.Exit(1)


def _parser(filters: "Sequence[str]", kind: str, names: "Sequence[str]") -> "Parser":
    """Return the collector. Raises CommandError where a filter cannot be used."""
    from functions.observation.collectors.text import JsonCollector, TextCollector, filter_errors
    from local_runner.cli.errors import CommandError

    if kind == "JSON" and filters:
        raise CommandError("error: --filter: must be left out with --format JSON")
    if wrong := [message for _, message in filter_errors(filters)]:
        raise CommandError("\n".join(f"error: --filter: {message}" for message in wrong))
    return JsonCollector(names) if kind == "JSON" else TextCollector(names, filters)


def _lines(file: IO[bytes]) -> "Iterator[LogLine]":
    """Yield lines as a Worker's log is read: cut where they are too long, also at a lone carriage return."""
    from functions.observation.collectors.lines import split_lines

    data, start, is_over = b"", 0, False
    while not is_over:
        part = file.read(_READ_BYTES)
        is_over = not part
        data += part
        lines, end = split_lines(data, start, is_over=is_over)
        yield from lines
        data, start = data[end - start :], end


def _describe(number: int, point: "MetricPoint") -> str:
    from events.resource import to_wire_time

    time = to_wire_time(point.time) if point.time else "-"
    return f"{number}\t{point.name}\t{point.value}\t{time}"


def _complaint(parser: "Parser") -> str:
    count = getattr(parser, "bad_line_count", 0)
    return f"; {count} of them hold no JSON object and are passed over" if count else ""
