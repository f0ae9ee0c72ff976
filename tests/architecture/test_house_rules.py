"""Hold every file to the sizes and manners that no linter knows."""

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("events", "functions", "infra", "local_runner")
CODE = (*PRODUCT, "packaging", "tests", "benchmarks", "examples")
TOOLS = {".hypothesis", ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__"}
VENVS = {".venv", ".venv-nas", ".venv-sam", ".venv-search"}
NOT_OURS = {".aws-sam", ".git", ".kuttab", "dist", "node_modules", *VENVS, *TOOLS}
BINARY = {".png", ".ico", ".woff2", ".db", ".sqlite", ".gz", ".zip"}

FILE_LINES = 250
TEST_FILE_LINES = 400
HANDLER_FILE_LINES = 60
BODY_LINES = 25

# Written so that this file does not match them itself.
REGISTRY_HOST = re.compile(r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|deb[.]debian[.]org|yarnpkg[.]com")
MACHINE_PATH = re.compile(r"""(?<![\w.}$*/-])/(?:work|root)/""")
PROMISE = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b")
HANDLER = re.compile(r"functions\.\w+\.\w+")
PIN = re.compile(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[^ ;]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def test_python_files_are_short() -> None:
    too_long = [
        f"{name(path)}: {count} lines"
        for path in python_files(*CODE)
        if (count := len(path.read_text().splitlines())) > (TEST_FILE_LINES if "tests" in path.parts else FILE_LINES)
    ]

    assert too_long == []


def test_function_bodies_are_short() -> None:
    too_long = [
        f"{name(path)}:{function.lineno} {function.name}: {count} lines"
        for path in python_files(*PRODUCT)
        if "migrations" not in path.parts  # a table's columns are data
        for function in functions_of(path)
        if (count := body_line_count(function)) > BODY_LINES
    ]

    assert too_long == []


def test_handler_files_are_short() -> None:
    handlers = [path for path in handler_files() if path.exists()]

    too_long = [name(path) for path in handlers if len(path.read_text().splitlines()) > HANDLER_FILE_LINES]

    assert too_long == []


def test_the_catalogue_names_handlers_that_exist() -> None:
    handlers = handler_files()

    missing = [name(path) for path in handlers if not path.exists()]

    assert handlers
    assert missing == []


def test_every_python_file_says_first_what_it_is_for() -> None:
    silent = [name(path) for path in python_files(*CODE) if not ast.get_docstring(ast.parse(path.read_text()))]

    assert silent == []


def test_the_sdk_imports_itself_only_relatively() -> None:
    absolute = [
        f"{name(path)}:{node.lineno}"
        for path in python_files("events")
        for node in ast.walk(ast.parse(path.read_text()))
        if imported_top_levels(node) & {*PRODUCT, "kuttab"}
    ]

    assert absolute == []


def test_no_file_names_a_registry_host() -> None:
    assert lines_with(REGISTRY_HOST) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_no_file_promises_work_for_later() -> None:
    assert lines_with(PROMISE) == []


def test_requirements_hold_names_versions_and_hashes_only() -> None:
    here = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]
    files = [*here, *ROOT.glob("packaging/*.txt"), *ROOT.glob("infra/deploy/lambda/*.txt")]

    odd = [line for path in files for line in path.read_text().splitlines() if not PIN.fullmatch(line)]

    assert odd == []


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["runner"]]
    development = project["dependency-groups"]["dev"]

    assert required_names(runtime) <= pinned_names("requirements.txt")
    assert required_names(development) <= pinned_names("requirements-dev.txt")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [each for each in folders if each not in NOT_OURS]
        yield from (Path(folder, each) for each in names if each not in NOT_OURS)


def python_files(*folders: str) -> Iterator[Path]:
    return (path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders)


def functions_of(path: Path) -> Iterator[FunctionNode]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, FunctionNode))


def body_line_count(function: FunctionNode) -> int:
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    if not statements:
        return 0
    last = statements[-1].end_lineno
    assert last is not None
    return last - statements[0].lineno + 1


def handler_files() -> list[Path]:
    catalog = (ROOT / "functions" / "catalog.py").read_text()
    return [ROOT / Path(*dotted.split(".")).with_suffix(".py") for dotted in sorted(set(HANDLER.findall(catalog)))]


def imported_top_levels(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return {node.module.partition(".")[0]}
    return set()


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name(path)}:{number}: {line.strip()[:80]}"
        for path in files()
        if path.suffix not in BINARY
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]


def required_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[=<>~! ]", requirement)[0].lower() for requirement in requirements}


def pinned_names(file: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)", (ROOT / file).read_text(), flags=re.MULTILINE))
