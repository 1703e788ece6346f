"""docs/machines.md: the table of machines, made from bench/machines.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.machines.rows import Row, load
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT

PAGE = ROOT / "docs" / "machines.md"
START, END = "<!-- bench.machines -->", "<!-- /bench.machines -->"
HEAD = (
    "| machine | system | engine | user, and what is not bare | command | result |\n"
    "|---|---|---|---|---|---|"
)


def renew(document: dict[str, Any]) -> None:
    """Write the page's table anew. Raises IntegrityError for a missing mark."""
    text = PAGE.read_text(encoding="utf-8")
    head, mark, rest = text.partition(START)
    _, closed, tail = rest.partition(END)
    if not mark or not closed:
        raise IntegrityError(f"the page lacks the marks {START} ... {END}", "put them back")
    write_text(PAGE, f"{head}{START}\n{table(document)}\n{END}{tail}")


def table(document: dict[str, Any]) -> str:
    """Return the table, a row for each machine, and what they have in common below it."""
    rows = {row.name: row for row in load()}
    tried = [facts for facts in document["rows"] if facts["row"] in rows]
    lines = [_line(rows[facts["row"]], facts) for facts in tried]
    left = sorted(rows.keys() - {facts["row"] for facts in tried})
    foot = [_commit(commit, tried) for commit in dict.fromkeys(row["commit"] for row in tried)]
    foot += _across(tried)
    if left:
        foot.append(f"- Not run: {', '.join(left)}.")
    return "\n".join([HEAD, *lines, "", *foot])


def _commit(commit: str, tried: Sequence[dict[str, Any]]) -> str:
    """Return the line on a commit: which rows ran it, and whether their images are the same."""
    own = [facts for facts in tried if facts["commit"] == commit]
    line = f"- Commit {commit}: {', '.join(facts['row'] for facts in own)}."
    images = [facts["bytes"] for facts in own if facts["bytes"]]
    if len(images) < 2:
        return line
    if any(image != images[0] for image in images):
        return f"{line} **The images' bytes differ.**"
    return (
        f"{line} All {len(images)} images are the same bytes: config "
        f"{_short(images[0]['config'])}, {len(images[0]['layers'])} layers, archive sha256 "
        f"{images[0]['archive'][:12]}."
    )


def _across(tried: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line for each image that rows of more than one commit made."""
    images = [facts for facts in tried if facts["bytes"]]
    lines = []
    for archive in dict.fromkeys(facts["bytes"]["archive"] for facts in images):
        own = [facts for facts in images if facts["bytes"]["archive"] == archive]
        if len({facts["commit"] for facts in own}) > 1:
            names = ", ".join(facts["row"] for facts in own)
            lines.append(f"- The same archive at several commits, {archive[:12]}: {names}.")
    return lines


def _line(row: Row, facts: dict[str, Any]) -> str:
    image = facts["bytes"]
    result = facts["fault"] or (
        f"config {_short(image['config'])}, archive {image['archive'][:12]}"
        if image
        else f"exit {facts['code']}: {facts['last']}"
    )
    engine = [facts["engine"], facts["store"], facts["buildx"] and f"buildx {facts['buildx']}"]
    cells = [
        row.name,
        f"{facts['system']}, {'Python ' + facts['python'] if facts['python'] else 'no Python'}",
        ", ".join(filter(None, engine)) or "none",
        ", ".join([row.user, *row.peculiar()]),
        f"`./inv {' '.join(row.words)}`, {facts['seconds']:.0f} s"
        + (f"; then `{row.then}`" if row.then else ""),
        result.replace("|", "/"),
    ]
    return f"| {' | '.join(cells)} |"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
