"""What a person reads of a migration: the diff, what will differ, what was refused."""

from __future__ import annotations

from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.project import Outcome
from mediapipe_jetson.observation import counted

WITHOUT = "where there is none, test it in the kit's image with MEDIAPIPE_JETSON_DELEGATE=CPU"


def text(outcome: Outcome, written: bool) -> str:
    """Return the report; without `written` the diff comes first."""
    lines = [] if written else [change.diff() for change in outcome.changes]
    if outcome.differs:
        lines.append("will differ:\n")
        lines += [f"  {note}\n" for note in outcome.differs]
    if outcome.models:
        lines.append("models:\n")
        ways = table.document()["models"]
        lines += [f"  {name}: {ways[name]}\n" for name in outcome.models]
    if outcome.refused:
        lines.append("refused:\n")
        lines += [f"  {note}\n" for note in outcome.refused]
    if outcome.unread:
        lines.append("not read:\n")
        lines += [f"  {note}\n" for note in outcome.unread]
    if outcome.changes and not outcome.gpu:
        lines.append("on the CPU, as mp.solutions did; with --gpu the new code asks for the GPU\n")
    elif outcome.changes:
        lines.append(f"on the GPU; {WITHOUT}\n")
    done = "rewritten" if written else "to rewrite (--write does it)"
    files = len({note.file for note in outcome.refused})
    count = len(outcome.changes)
    rest = f", {len(outcome.unread)} not read" if outcome.unread else ""
    lines.append(f"{counted(count, 'file')} {done}, {files} refused{rest}\n")
    # A file's name may have bytes that are no text.
    return "".join(lines).encode(errors="surrogateescape").decode(errors="backslashreplace")
