"""Names that a file's new code misses, or no longer has for other files."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mediapipe_jetson.doctor.legacy import parse
from mediapipe_jetson.migrate.context import Note
from mediapipe_jetson.migrate.fallback import unhandled
from mediapipe_jetson.migrate.leftover import old_line
from mediapipe_jetson.migrate.modules import Modules
from mediapipe_jetson.migrate.stars import below, exported

MISSED = "{} is used in a way that can't be rewritten"
TAKEN = "{} is taken from here by {}; import it there from MediaPipe"
QUOTED = "{} in a quoted annotation would have no meaning any more; write it without quotes"
HIDDEN = "a star import of {}, whose new code has a name of this file too: {}"


@dataclass(frozen=True)
class Bindings:
    """The names of a module, those of its classes, and those that nothing in it binds."""

    own: frozenset[str]
    of_classes: frozenset[str]
    missing: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Bindings:
        """Return what a program binds where no `except` is run. Raises SyntaxError."""
        table = symtable.symtable(text, "program.py", "exec")
        own = frozenset(_bound(symtable.symtable(unhandled(text), "program.py", "exec")))
        held, used = set(), set()
        for inner in _scopes(table):
            for symbol in inner.get_symbols():
                # What a class reads may be the module's, though it binds the name itself.
                outer = symbol.is_global() or inner.get_type() in ("class", "module")
                if symbol.is_referenced() and outer:
                    used.add(symbol.get_name())
            if inner.get_type() == "class":
                held |= {f"{inner.get_name()}.{name}" for name in _bound(inner)}
            own |= {item.get_name() for item in inner.get_symbols() if item.is_declared_global()}
        missing = used - own - set(dir(builtins))
        return cls(own, frozenset(held), frozenset(missing))


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from _scopes(inner)


def _bound(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
            yield symbol.get_name()


def missed(file: str, before: str, after: str) -> list[Note]:
    """Return where the old code binds a name that the new code lacks, if there is one."""
    old, new = Bindings.of(before), Bindings.of(after)
    gone = {item.rpartition(".")[2] for item in old.of_classes - new.of_classes}
    names = (new.missing - old.missing) | gone
    tree = parse(before, file)
    texts = [
        (name, node.lineno, node.col_offset + 1)
        for node in quoted(tree)
        for name in sorted((old.own - new.own) & _read(str(node.value)))
    ]
    if texts:
        name, line, column = texts[0]
        return [Note(file, line, column, QUOTED.format(name))]
    if not names:
        return []
    left = [
        (node.id, old_line(before, after, node.lineno), 1)
        for node in ast.walk(parse(after, file))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        if node.id in new.missing - old.missing
    ]
    bound = [
        (name, node.lineno, node.col_offset + 1)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in _names(node)
        if name in names
    ]
    name, line, column = (left or bound or [(min(names), 1, 1)])[0]
    return [Note(file, line, column, MISSED.format(name))]


def quoted(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the texts within annotations that are types."""
    for node in ast.walk(tree):
        for note in (getattr(node, name, None) for name in ("annotation", "returns")):
            yield from _types(note) if isinstance(note, ast.expr) else ()


def _types(node: ast.AST) -> Iterator[ast.Constant]:
    """Yield the texts in a type that are types: those in Literal and Annotated's notes are none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    inner: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Subscript):
        kind = ast.unparse(node.value).rpartition(".")[2]
        if kind == "Literal":
            return
        if kind == "Annotated" and isinstance(node.slice, ast.Tuple):
            inner = [*node.slice.elts[:1]]
    for item in inner:
        yield from _types(item)


def _read(text: str) -> set[str]:
    """Return the names that a type in quotes reads; what is no expression is no type."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    within = (str(item.value) for item in _types(tree.body))
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return read.union(*map(_read, within))


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name for alias in node.names]
    return []


def lost(before: str, after: str) -> frozenset[str]:
    """Return the names that other files could take from the old code, and can't from the new."""
    return Bindings.of(before).own - Bindings.of(after).own


def taken(
    file: str,
    names: Iterable[str],
    modules: Modules,
    read: Mapping[tuple[str, str], str],
) -> list[Note]:
    """Return the imports in a file of names that are lost and that other files take from it.

    `read` is where names are read of modules by attribute, by the modules' files and the names.
    """
    makers = modules.makers(file)
    importers = {name: where for (of, name), where in read.items() if of in makers}
    for other in modules.trees:
        for name, line in [*modules.texts[other], *_taken(other, modules, makers, file)]:
            importers.setdefault(name, f"{other}:{line}")
    return [
        Note(file, node.lineno, node.col_offset + 1, TAKEN.format(name, importers[name]))
        for node in ast.walk(modules.trees[file])
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in _names(node)
        if name in names and name in importers
    ]


def _taken(other: str, modules: Modules, makers: set[str], file: str) -> Iterator[tuple[str, int]]:
    """Yield the names that a file takes of the makers of another one's names."""
    tree, starred = modules.trees[other], other in makers and other != file
    imported = {name for node in ast.walk(tree) for name in _names(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and modules.meant(node, other) & makers:
            yield from ((item.name, node.lineno) for item in node.names)
        elif isinstance(node, ast.Name) and starred and node.id not in imported:
            yield node.id, node.lineno


def hidden(
    file: str, before: str, after: str, modules: Modules, texts: Mapping[str, str]
) -> list[Note]:
    """Return the star imports of a file by others whose own names its new ones would hide."""
    stars = list(modules.starred(file))
    added = Bindings.of(after).own - Bindings.of(before).own if stars else frozenset()
    if added:
        added &= exported(modules.trees[file], added)
    return [
        Note(other, node.lineno, node.col_offset + 1, HIDDEN.format(file, min(both)))
        for other, node in stars
        for own in [added & (_assigned(texts[other]) | _imported(texts[other], after))]
        for both in [own - below(modules.trees[other], node.lineno) if own else own]
        if both
    ]


def _imported(text: str, after: str) -> set[str]:
    """Return the names that a module imports from elsewhere than another one does."""
    new = _origins(after)
    return {name for name, origins in _origins(text).items() if origins - new.get(name, set())}


def _origins(text: str) -> dict[str, set[str]]:
    """Return what a module's own imports bind: the names, and what each may come from."""
    names = {
        symbol.get_name()
        for symbol in symtable.symtable(text, "program.py", "exec").get_symbols()
        if symbol.is_imported()
    }
    result: dict[str, set[str]] = {}
    tree = parse(text, "program.py")
    unrun = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        if not isinstance(node.test, ast.UnaryOp)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and node not in unrun:
            module = "." * getattr(node, "level", 0) + (getattr(node, "module", "") or "")
            for alias in node.names:
                top = alias.name if alias.asname or module else alias.name.partition(".")[0]
                if (bound := alias.asname or top) in names:
                    result.setdefault(bound, set()).add(f"{module}:{top}")
    return result


def _assigned(text: str) -> set[str]:
    """Return the names of a module that are bound by more than imports."""
    table = symtable.symtable(text, "program.py", "exec")
    return {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_assigned() or symbol.is_namespace()
    }
