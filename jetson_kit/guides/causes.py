"""The table of causes in docs/troubleshooting.md, from the doctor's own table."""

from __future__ import annotations

import json
import re

from jetson_kit.core.errors import IntegrityError
from jetson_kit.wheels.device_wheel import SOURCE

TABLE = SOURCE / "src" / "mediapipe_jetson" / "data" / "doctor.json"
START, END = "<!-- doctor.causes -->\n", "<!-- /doctor.causes -->"
# What the doctor fills in where it runs, and so no page can know.
BLANK = re.compile(r"\{(\w+)\}")


def page(text: str) -> str:
    """Return the page with its table as it must be. Raises IntegrityError for a missing mark."""
    head, mark, rest = text.partition(START)
    _, closed, tail = rest.partition(END)
    if not mark or not closed:
        raise IntegrityError(f"troubleshooting.md lacks {START.strip()} ... {END}", "put them back")
    return f"{head}{START}{table()}{END}{tail}"


def table() -> str:
    """Return the doctor's causes, in its order, as a table."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["causes"]
    lines = ["| cause | why | cure |", "|---|---|---|"]
    lines += [
        f"| {_cell(row['title'])} (`{row['id']}`) | {_cell(row['why'])} | {_cell(row['cure'])} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    if not re.search(r"[a-z]{3}", BLANK.sub("", text)):
        return "`./inv doctor` says it"
    return BLANK.sub(lambda match: f"*{match[1]}*", text).replace("|", "\\|")
