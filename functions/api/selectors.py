"""Label and field selectors as Kubernetes takes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_KEY = r"[A-Za-z0-9][-A-Za-z0-9_./]*"
_TERM = re.compile(
    rf"\s*(?P<absent>!)?\s*(?P<key>{_KEY})\s*"
    r"(?:(?P<sign>==?|!=)\s*(?P<value>[^\s=!(),]*)|\s(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?\s*"
)
_COMMA = re.compile(r",(?![^()]*\))")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: a key whose value is to be (or not to be) one of these; None stands for any."""

    key: str
    values: frozenset[str] | None
    is_wanted: bool

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether it holds; a missing label differs from every value."""
        is_so = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return is_so is self.is_wanted


@dataclass(frozen=True, slots=True)
class Selector:
    """What labels must be: every term holds."""

    terms: tuple[Term, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels satisfy every term."""
        return all(term.matches(labels) for term in self.terms)

    def value_of(self, key: str) -> str:
        """Return the one value that this key must have; empty where it may have several."""
        found = [it.values for it in self.terms if it.key == key and it.is_wanted and it.values and len(it.values) == 1]
        return next(iter(found[0])) if found else ""


def parse_selector(text: str) -> Selector:
    """Read `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b)`, parted by commas. Raises ValueError."""
    terms = []
    for part in _COMMA.split(text) if text.strip() else ():
        term = _TERM.fullmatch(part)
        if term is None or (term["absent"] and (term["sign"] or term["set"])):
            message = f"unable to parse label selector {text!r}: use key=value, key!=value, key in (a,b), key or !key"
            raise ValueError(message)
        terms.append(_to_term(term))
    return Selector(tuple(terms))


def _to_term(term: re.Match[str]) -> Term:
    if term["set"]:
        values = frozenset(value.strip() for value in term["values"].split(","))
        return Term(term["key"], values, is_wanted=term["set"] == "in")
    if term["sign"]:
        return Term(term["key"], frozenset({term["value"]}), is_wanted=term["sign"] != "!=")
    return Term(term["key"], None, is_wanted=not term["absent"])


_FIELD = re.compile(r"\s*(metadata\.name(?:space)?)\s*==?\s*([-.a-z0-9]+)\s*")


def parse_field_selector(text: str) -> Mapping[str, str]:
    """Read `metadata.name=NAME` and `metadata.namespace=NAME`. Raises ValueError."""
    found: dict[str, str] = {}
    for part in text.split(",") if text.strip() else ():
        term = _FIELD.fullmatch(part)
        if term is None:
            message = f"field selector {text!r}: only metadata.name and metadata.namespace can be asked for, with ="
            raise ValueError(message)
        found[term[1]] = term[2]
    return found
