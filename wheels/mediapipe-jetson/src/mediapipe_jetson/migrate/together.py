"""Rewrites the files of a project that work together: all of them, or none."""

from __future__ import annotations

import libcst as cst
from libcst import metadata

from mediapipe_jetson.migrate import bindings, leftover, missing
from mediapipe_jetson.migrate.context import Note
from mediapipe_jetson.migrate.facts import Facts
from mediapipe_jetson.migrate.modules import Modules
from mediapipe_jetson.migrate.outcome import Outcome, Program
from mediapipe_jetson.migrate.rewrite import rewrite
from mediapipe_jetson.migrate.writing import Change


def rewritten(
    programs: dict[str, Program], modules: dict[str, cst.Module], facts: Facts, outcome: Outcome
) -> None:
    """Rewrite all files that can be."""
    done = {}
    wrappers = {
        name: metadata.MetadataWrapper(module, unsafe_skip_copy=True)
        for name, module in modules.items()
    }
    facts.exact = missing.find(wrappers, facts)
    for name, module in modules.items():
        result = rewrite(name, wrappers[name], facts, outcome.gpu)
        left = result.refused or leftover.left(name, module, result.module)
        left = left or tuple(bindings.missed(name, module.code, result.module.code))
        outcome.refused += left
        if not left:
            done[name] = result
    files = Modules(
        {name: program.tree for name, program in programs.items()},
        {name: program.path for name, program in programs.items()},
    )
    texts = {name: program.text for name, program in programs.items()}
    for name, result in list(done.items()):
        lost = bindings.lost(modules[name].code, result.module.code)
        notes = bindings.taken(name, lost, files, facts.read) if lost else []
        notes += bindings.hidden(name, modules[name].code, result.module.code, files, texts)
        outcome.refused += notes
        for note in notes:
            done.pop(note.file, None)
    bad = {note.file for note in outcome.refused}
    for name, by in _dragged(bad, set(done), facts):
        del done[name]
        why = f"left as it is: it works together with a file that was refused, {by}"
        outcome.refused.append(Note(name, 1, 1, why))
    for name, result in done.items():
        outcome.differs += result.differs
        program, encoding = programs[name], modules[name].encoding
        after = encoded(program.read, result.module)
        if after != program.read:
            outcome.changes.append(Change(program.path, name, program.content, after, encoding))
            outcome.models.update(dict.fromkeys(result.models))


def encoded(content: bytes, module: cst.Module) -> bytes:
    """Return a module's bytes, with a mark at the beginning where the old ones have it."""
    mark = b"\xef\xbb\xbf"
    text = module.code.encode(module.encoding.replace("utf-8-sig", "utf-8"))
    return mark + text if content.startswith(mark) else text


def _dragged(bad: set[str], done: set[str], facts: Facts) -> list[tuple[str, str]]:
    """Return the files that can't be migrated, each with one that it works with and that can't."""
    reached, waiting = dict.fromkeys(bad, ""), sorted(bad)
    while waiting:
        name = waiting.pop()
        near = {other for link in facts.links if name in link for other in link}
        for other in sorted(near - reached.keys()):
            reached[other] = name
            waiting.append(other)
    return sorted((name, by) for name, by in reached.items() if name in done)
