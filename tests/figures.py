"""Figures that tests measure, printed after the last one, whichever process of a parallel run measured them."""

from collections.abc import Callable, Iterator

import pytest

TEMPLATE_TESTS = "tests/aws/"
TEMPLATE_SECONDS = 60
"""What everything that is held of `template.yaml` together may take."""


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return what notes a line for the summary."""
    return lambda line: record_property("figure", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures, and how long the tests of the template took."""
    reports = list(_reports(terminalreporter))
    for report in reports:
        for name, line in report.user_properties:
            if name == "figure" and report.when == "call":
                terminalreporter.write_line(str(line))
    spent = [it.duration for it in reports if it.nodeid.startswith(TEMPLATE_TESTS)]
    if spent:
        terminalreporter.write_line(f"template: {sum(spent):.1f} s for all its tests, of {TEMPLATE_SECONDS}")


def _reports(terminalreporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    for found in terminalreporter.stats.values():
        yield from (it for it in found if isinstance(it, pytest.TestReport))
