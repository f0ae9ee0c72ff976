"""Label selectors as `kubectl -l` takes them: `a=b`, `a==b`, `a!=b`, `a`, `!a`, parted by commas."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from local_runner.cli.errors import CommandError

_TERM = re.compile(
    r"\s*(?P<absent>!)?(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)\s*(?:(?P<sign>==?|!=)\s*(?P<value>[^\s=!]*))?\s*"
)


@dataclass(frozen=True, slots=True)
class Selector:
    """What labels must be: (key, value or None for any, whether it is to be so)."""

    terms: tuple[tuple[str, str | None, bool], ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels satisfy every term; a missing label differs from every value."""
        return all(_is_so(key, value, labels) is wanted for key, value, wanted in self.terms)


def _is_so(key: str, value: str | None, labels: Mapping[str, str]) -> bool:
    return key in labels if value is None else labels.get(key) == value


def parse_selector(text: str) -> Selector:
    """Read a selector. Raises CommandError."""
    terms = []
    for part in text.split(",") if text.strip() else ():
        term = _TERM.fullmatch(part)
        if term is None or (term["absent"] and term["sign"]):
            message = f"error: unable to parse label selector {text!r}: use key=value, key!=value, key or !key"
            raise CommandError(message)
        terms.append((term["key"], term["value"], not term["absent"] and term["sign"] != "!="))
    return Selector(tuple(terms))
