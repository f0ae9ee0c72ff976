"""`python -m events.schemas` writes the contracts anew; with `--check` it only says which of them are stale."""

import argparse
import sys
from pathlib import Path

from . import render_contracts

_FOLDER = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    """Write or compare; return 1 where a comparison found a difference."""
    parser = argparse.ArgumentParser(prog="python -m events.schemas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    is_check = parser.parse_args(arguments).check
    texts = render_contracts()
    different = [name for name, text in texts.items() if _read(_FOLDER / name) != text]
    stale = [path.name for path in sorted(_FOLDER.glob("*.json")) if path.name not in texts]
    for name in (*different, *stale):
        sys.stdout.write(f"{name}\n")
        if not is_check:
            _write(_FOLDER / name, texts.get(name))
    return 1 if is_check and (different or stale) else 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _write(path: Path, text: str | None) -> None:
    """Write the text, or remove the file of an event that no longer exists."""
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
