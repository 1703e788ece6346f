"""docs/verify.md against the data: its tables are those of the rules."""

from __future__ import annotations

import re

import pytest
from mediapipe_jetson.verify import facts, rules, session

from jetson_kit.core.paths import ROOT

PAGE = ROOT / "docs" / "verify.md"


def table(name: str) -> str:
    """Return the rows that the page must have for a table of rules."""
    rows = [
        f"| `{rule['id']}` | {rule['verdict']} | {rule['reason'].replace('|', '/')} |"
        for rule in rules.book()[name]
    ]
    return "\n".join(["| rule | verdict | reason |", "|---|---|---|", *rows])


@pytest.mark.parametrize("name", ["run", "task", "device"])
def test_the_tables_are_the_rules(name: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    match = re.search(rf"<!-- rules.{name} -->\n(.*?)\n<!-- /rules.{name} -->", text, re.DOTALL)
    assert match, f"docs/verify.md has no table rules.{name}"
    assert match.group(1) == table(name)


def test_the_least_counts_are_the_data_s() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in session.tasks():
        for row in facts.versions()["tasks"][name]:
            assert f"| {name} | {row['from']} | {row['api']} | {row['least']} |" in text, name
