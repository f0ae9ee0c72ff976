"""DECISIONS.md is read years later: each entry says the same five things in the same order, once."""

from pathlib import Path

TEXT = (Path(__file__).parents[2] / "DECISIONS.md").read_text(encoding="utf-8")
PARTS = ["Decision", "Options", "Why", "Consequence", "Revisit when"]


def test_every_decision_has_a_title_of_its_own_and_five_lines() -> None:
    entries = [entry.strip("\n").split("\n") for entry in TEXT.split("\n\n## ")[1:]]

    assert TEXT.count("\n## ") == len(entries), "a heading has no blank line before it"
    assert len({title for title, *_ in entries}) == len(entries)
    wrong = [
        title
        for title, blank, *lines in entries
        if blank or [line.partition(":**")[0] for line in lines] != [f"- **{part}" for part in PARTS]
    ]
    assert wrong == []
