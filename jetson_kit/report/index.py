"""A page of very many boards: their lines as data in it, drawn only where one looks.

Evidence is not in the page: it is fetched when a board is opened (served pages), or a command
shows it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jetson_kit.report import render, rows
from jetson_kit.report.boards import Board
from jetson_kit.report.head import Head
from jetson_kit.report.summary import Summary
from jetson_kit.report.values import moment

LETTERS = {"g": "gpu", "s": "software", "c": "cpu", "b": "broken", "u": "unknown"}
MOST_PROBLEMS = 20
NAMES = {"l4t": "L4T", "device_wheel": "Device wheel"}
FOOTNOTES = {
    "verify": "Every verdict here was computed from a report's raw observations where the report "
    "lies; what a report says of itself is only compared. A report is made on the device: this "
    "finds wrong conclusions, old reports and damaged ones, not a device that invents its "
    "observations, nor a site that invents its lines.",
    "doctor": "Causes as each site's doctor found them, the first to be mended first.",
    "status": "What each board is on by its own word, held against its site's journals.",
}


class Of(StrEnum):
    """What is a board's in the command for it; in the page's data it is {"of": NAME}."""

    SITE = "site"
    HOST = "host"
    FILE = "file"


Word = tuple[str | Of, ...]


def fixed_arguments(*listed: str) -> tuple[Word, ...]:
    """Return words of a command that are the same for every board."""
    return tuple((word,) for word in listed)


@dataclass(frozen=True)
class Options:
    """How a page is made: served pages fetch evidence; in others `how` is the command for it.

    `how` is a command's words, each of parts: texts, and SITE, HOST and FILE where what is a
    board's goes. `files` has what FILE stands for. `problems` are sites with what is wrong. `head`
    is the rollout that the boards were verified in.
    """

    title: str
    now_s: float
    served: bool = False
    how: tuple[Word, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    files: Mapping[Board, str] = field(default_factory=dict)
    head: Head | None = None


def order(board: Summary) -> tuple[int, str, str]:
    """Return what sorts boards: those that need a look come first."""
    return rows.rank(board.state, board.verdict, good=board.good), board.site, board.host


def page(boards: Sequence[Summary], options: Options) -> str:
    """Return the page."""
    ordered = sorted(boards, key=order)
    templates = render.HERE / "templates"
    style = "".join(
        (templates / name).read_text(encoding="utf-8") for name in ("page.css", "index.css")
    )
    script = (templates / "index.js").read_text(encoding="utf-8")
    kind = ordered[0].kind if ordered else "verify"
    named = rows.VERDICTS if kind == "verify" else ()
    counts = Counter(board.verdict for board in ordered)
    known = [*named, *(name for name in counts if name not in named)]
    return (
        render.environment()
        .get_template("index.html.j2")
        .render(
            title=options.title,
            head=options.head,
            style=render.ours(style),
            script=render.ours(script),
            data=render.ours(_escaped(_data(ordered, options))),
            policy=_policy(style, script, served=options.served),
            made=moment(options.now_s),
            total=len(ordered),
            sites=sorted({board.site for board in ordered}),
            counts=[(name, counts[name]) for name in known],
            good=sum(board.good for board in ordered),
            problems=options.problems[:MOST_PROBLEMS],
            more_problems=len(options.problems[MOST_PROBLEMS:]),
            footnote=FOOTNOTES[kind],
        )
    )


def _data(boards: Sequence[Summary], options: Options) -> dict[str, Any]:
    """Return the boards as rows of numbers; each text stands once, in a table of texts."""
    texts: dict[str, int] = {}

    def number(text: str) -> int:
        return texts.setdefault(text, len(texts))

    tasks = [name for name in rows.known_tasks() if any(name in board.tasks for board in boards)]
    listed = [
        [
            number(board.site), board.host, number(board.verdict), number(board.state),
            number(board.expected), int(board.good), [number(item) for item in board.reasons],
            number(board.remedy), number(board.image), number(board.release),
            number(board.model), board.time_s, board.evidence, board.bytes,
            _letters(board.tasks, tasks), board.versions,
            *filter(None, [options.files.get((board.site, board.host))]),
        ]
        for board in boards
    ]  # fmt: skip
    how = [
        [{"of": part} if isinstance(part, Of) else part for part in word] for word in options.how
    ]
    return {
        "made": round(options.now_s, 1), "served": options.served, "how": how,
        "tasks": tasks, "letters": LETTERS, "names": NAMES, "texts": list(texts), "rows": listed,
    }  # fmt: skip


def _letters(verdicts: Mapping[str, str], tasks: Sequence[str]) -> str:
    """Return a letter for each task, "-" where it was not run."""
    return "".join((verdicts[name] or "u")[0] if name in verdicts else "-" for name in tasks)


def _escaped(body: Mapping[str, Any]) -> str:
    """Return JSON that ends no element of the page and begins none."""
    return json.dumps(body, separators=(",", ":")).replace("<", "\\u003c")


def _policy(style: str, script: str, *, served: bool) -> str:
    """Return the Content-Security-Policy: own style and script; frames of its server, if any."""
    hashes = [
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for part in (style, script)
    ]
    frames = "frame-src 'self'; " if served else ""
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        f"{frames}img-src data:; base-uri 'none'; form-action 'none'"
    )
