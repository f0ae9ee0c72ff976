"""Hold the documents to what they say: commands, links, anchors and events in them exist."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from events.envelope import decode
from local_runner.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "benchmarks/README.md", ROOT / "examples/README.md"]
)
OURS = ("benchmarks", "docs", "events", "examples", "functions", "infra", "local_runner", "tests")
SHELL = {"aws", "cat", "curl", "export", "head", "kubectl", "mkdir", "mv", "python3", "sam", "source"}
"""Commands that the documents use and that are not ours; `cat` begins a here-document, which is skipped."""

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HERE_DOCUMENT = re.compile(r"<<(?P<end>\w+)\n.*?^(?P=end)$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (?P<text>.+)$", re.MULTILINE)
_TARGET = re.compile(r"^(?P<name>[a-z-]+):", re.MULTILINE)

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@every_document
def test_every_command_exists(document: Path) -> None:
    wrong = [f"{' '.join(words)}: {why}" for words in commands(document) if (why := find_fault(words))]

    assert wrong == []


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    text = without_blocks(document)

    dead = [link for link in (found["target"] for found in _LINK.finditer(text)) if is_dead(link, document)]

    assert dead == []


def test_the_readme_has_commands_and_links() -> None:
    readme = ROOT / "README.md"

    assert len(list(commands(readme))) > 10
    assert len(_LINK.findall(without_blocks(readme))) > 10


def test_every_event_example_is_understood() -> None:
    examples = [text for language, text in blocks(ROOT / "docs/events.md") if language == "json"]

    types = {decode(text).type for text in examples}

    assert types == {
        "kuttab.experiment.created.v1",
        "kuttab.experiment.edited.v1",
        "kuttab.experiment.stop_requested.v1",
        "kuttab.experiment.delete_requested.v1",
        "kuttab.metric.reported.v1",
        "kuttab.trial.finished.v1",
    }


def test_every_python_example_compiles() -> None:
    examples = [text for document in DOCUMENTS for language, text in blocks(document) if language == "python"]

    for text in examples:
        compile(text, "example", "exec")

    assert examples


def test_the_figures_are_the_last_lines_of_the_benchmarks() -> None:
    figures = [json.loads(line) for line in (ROOT / "README.md").read_text().splitlines() if line.startswith('{"')]

    assert [next(iter(figure)) for figure in figures] == ["embedded", "warm_ms", "function_s", "kuttab", "points_per_s"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    page = (ROOT / "docs/cli.md").read_text()

    missing = [it.opts[-1] for it in options_of(find_command([name])[0]) if not set(it.opts) & set(words_of(page))]

    assert f"`kuttab {name}" in page
    assert missing == []


def blocks(document: Path) -> Iterator[tuple[str, str]]:
    return ((found["language"], found["text"]) for found in _BLOCK.finditer(document.read_text()))


def without_blocks(document: Path) -> str:
    return _BLOCK.sub("", document.read_text())


def commands(document: Path) -> Iterator[list[str]]:
    """Yield the words of every command of the blocks that are marked `sh`."""
    for language, text in blocks(document):
        if language == "sh":
            for line in _HERE_DOCUMENT.sub("", text).splitlines():
                yield from split(line)


def split(line: str) -> Iterator[list[str]]:
    """Split a line at its pipes; what stands in a process substitution is a command as well."""
    for part in re.sub(r"<\((.*)\)", r"| \1", line).split("|"):
        if words := shlex.split(part, comments=True):
            yield words


def find_fault(words: list[str]) -> str:
    """Return what is wrong with a command, or nothing."""
    program, *arguments = words
    missing = [word for word in words if word.partition("/")[0] in OURS and not (ROOT / word).exists()]
    if missing:
        return f"there is no {missing[0]}"
    if program == "make":
        return find_make_fault(arguments)
    if program in {"kuttab", ".venv/bin/kuttab"}:
        return find_kuttab_fault(arguments)
    if program == ".venv/bin/python":
        module = ROOT / Path(*arguments[1].split(".")).with_suffix(".py")
        return "" if arguments[0] == "-m" and module.exists() else "no such module"
    return "" if program in SHELL else "unknown program"


def find_make_fault(arguments: list[str]) -> str:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(_TARGET.findall(makefile))
    names = [word.partition("=")[0] for word in arguments]
    known = targets | {name for name in names if f"{name} ?=" in makefile}
    return "" if set(names) <= known else f"no such target or variable: {set(names) - known}"


def find_kuttab_fault(arguments: list[str]) -> str:
    """Look the subcommand and its options up, and try whether click takes the arguments."""
    try:
        command, rest = find_command(arguments)
        command.make_parser(click.Context(command)).parse_args(list(rest))
    except (click.UsageError, LookupError) as error:
        return str(error)
    return ""


def find_command(arguments: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = cli
    while isinstance(command, click.Group) and arguments:
        name, *arguments = arguments
        found = command.get_command(click.Context(command), name)
        if found is None:
            raise LookupError(name)
        command = found
    return command, arguments


def options_of(command: click.Command) -> list[click.Option]:
    return [it for it in command.params if isinstance(it, click.Option)]


def words_of(page: str) -> list[str]:
    return re.findall(r"(?<![\w-])--?[a-z][a-z-]*", page, re.IGNORECASE)


def is_dead(link: str, document: Path) -> bool:
    """Tell whether a link leads to no file, or to no heading of it; addresses elsewhere are not tried."""
    if link.startswith("https://"):
        return False
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target)


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = (found["text"] for found in _HEADING.finditer(without_blocks(document)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
