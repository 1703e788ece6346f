"""Read what programs import: in their trees, or by the look of their lines."""

from __future__ import annotations

import ast
import re

IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^#\n]*)|"
    rb"import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)
# Anywhere in a line: a tree decides.
LOOSE = re.compile(
    rb"\bfrom[ \t\\\r\n]+([\w.]+)[ \t\\\r\n]+import\b|\bimport[ \t\\\r\n]+((?:\\\r?\n|[^\n;#])+)|"
    rb"\b(?:import_module|__import__|importorskip)\s*\(\s*[\"']([\w.]+)"
)
PLAIN = re.compile(r"[A-Za-z_][\w.]*(\s+as\s+\w+)?")
CHANGES = re.compile(rb"\bsys\.path\b|\baddsitedir\b")
QUOTED = re.compile(rb"\"[^\"\n]*\"|'[^'\n]*'")
NAMED = re.compile(rb"^.*(?:PYTHONPATH|pythonpath).*$", re.MULTILINE)
BY_NAME = ("import_module", "__import__", "importorskip")


def imported(tree: ast.Module) -> list[tuple[str, int]]:
    """Return the modules that a program imports; a relative one begins with its dots."""
    result = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            result += [(item.name, node.lineno) for item in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            result.append((base, node.lineno))
            link = "" if base.endswith(".") else "."
            if node.level or node.module:
                result += [(f"{base}{link}{item.name}", node.lineno) for item in node.names]
        elif isinstance(node, ast.Call) and node.args:
            function, first = node.func, node.args[0]
            called = getattr(function, "attr", getattr(function, "id", ""))
            if called in BY_NAME and isinstance(first, ast.Constant):
                result += [(first.value, node.lineno)] if isinstance(first.value, str) else []
    return result


def import_lines(content: bytes) -> list[tuple[str, list[str]]]:
    """Return modules and the names taken from them, by the look of a program's import lines."""
    result: list[tuple[str, list[str]]] = []
    for groups in IMPORT.findall(content):
        base, names, plain = (group.decode(errors="replace") for group in groups)
        items = [re.split(r"[\s#]", item.strip())[0] for item in names.strip("()").split(",")]
        if base:
            result.append((base, items))
        for item in plain.split(","):
            if item.strip():
                result.append((re.split(r"\s", item.strip())[0], []))
    return result


def folders_added(content: bytes) -> set[str]:
    """Return the words of texts in a program that changes sys.path: folders may be among them."""
    if not CHANGES.search(content):
        return set()
    texts = b" ".join(QUOTED.findall(content)).decode(errors="replace")
    return set(re.findall(r"[\w-]+", texts))


def folders_named(content: bytes) -> set[str]:
    """Return the words of lines that set PYTHONPATH: folders may be among them."""
    if b"pythonpath" not in content and b"PYTHONPATH" not in content:
        return set()
    lines = b" ".join(NAMED.findall(content)).decode(errors="replace")
    return set(re.findall(r"[\w-]+", lines))


def possible(content: bytes) -> set[str]:
    """Return every word that may name a module from outside, in sentences too."""
    result: set[str] = set()
    for base, plain, by_name in LOOSE.findall(content):
        result.update(word.decode(errors="replace") for word in (base, by_name) if word)
        for item in plain.replace(b"\\", b" ").split(b","):
            result.update(word.decode(errors="replace") for word in item.split()[:1])
    return {word for word in result if not word.startswith(".")}


def likely(content: bytes) -> list[tuple[str, int]]:
    """Return the modules of lines that are import statements, of a program without a tree."""
    result = []
    for match in IMPORT.finditer(content):
        base, _, plain = ((part or b"").decode(errors="replace") for part in match.groups())
        items = [item.strip() for item in plain.split(",")] if plain else [base]
        line = content.count(b"\n", 0, match.start()) + 1
        if all(PLAIN.fullmatch(item) for item in items):
            result += [(item.split()[0], line) for item in items]
    return result
