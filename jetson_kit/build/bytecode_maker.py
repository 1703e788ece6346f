"""Compiles the Python sources of layer tars that some modules import: run by an image's Python.

Arguments: a folder to fill, tars, "--", names of modules; NAME.* is all below a package. It runs on
Python 3.9 and later, whose version has to be the image's.
"""

from __future__ import annotations

import importlib.util
import marshal
import posixpath
import re
import sys
import tarfile
from collections.abc import Iterator
from modulefinder import ModuleFinder
from pathlib import Path
from types import CodeType

# What the import path holds inside an image, as the names of its folders end.
TOP = re.compile(r"(?<![^/])(?:python3\.\d+|site-packages|dist-packages)/")
UNCHECKED = (1).to_bytes(4, "little")


class Sources:
    """The Python files of tars, by module."""

    def __init__(self, tars: list[str]) -> None:
        self.files: dict[str, tuple[tarfile.TarFile, tarfile.TarInfo]] = {}
        for path in tars:
            archive = tarfile.open(path)  # noqa: SIM115 # they stay open until the process ends
            for member in archive:
                if member.name.endswith(".py") and member.isreg():
                    self.files[_module(member.name)] = (archive, member)

    def read(self, module: str) -> tuple[str, bytes] | None:
        """Return a module's path and source; None where no tar has it."""
        if module not in self.files:
            return None
        archive, member = self.files[module]
        stream = archive.extractfile(member)
        return (member.name, stream.read()) if stream else None

    def below(self, package: str) -> list[str]:
        """Return all modules of a package."""
        return [name for name in self.files if name.startswith(f"{package}.")]


def _module(path: str) -> str:
    tops = list(TOP.finditer(path))
    inside = path[tops[-1].end() :] if tops else path
    return inside[: -len(".py")].replace("/", ".")


def imported(code: CodeType, package: str) -> Iterator[str]:
    """Yield the names of modules that a module's own code may import when it is imported."""
    for what, found in ModuleFinder().scan_opcodes(code):
        if what == "absolute_import":
            names, name = found
        elif what == "relative_import":
            level, names, rest = found
            above = package.split(".")[: len(package.split(".")) - level + 1]
            name = ".".join([*above, *([rest] if rest else [])])
        else:
            continue
        yield name
        yield from (f"{name}.{item}" for item in names or () if item != "*")
    for part in code.co_consts:
        # Class bodies run too; functions, and with them late imports, do not.
        if isinstance(part, CodeType) and not part.co_flags & 0x2:
            yield from imported(part, package)


def main(folder: Path, tars: list[str], modules: list[str]) -> None:
    """Write NAME.TAG.pyc of each module that is found, as PYTHONPYCACHEPREFIX lays them out."""
    sources = Sources(tars)
    waiting = [name for name in modules if not name.endswith(".*")]
    for name in set(modules) - set(waiting):
        waiting += sources.below(name[:-2])
    seen = set(waiting)
    while waiting:
        module = waiting.pop()
        parents = module.split(".")[:-1]
        names = [".".join(parents[: count + 1]) for count in range(len(parents))]
        source = sources.read(f"{module}.__init__")
        package = module if source else ".".join(parents)
        source = source or sources.read(module)
        if source:
            path, text = source
            try:
                code = compile(text, f"/{path}", "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                continue  # the image itself will say so, if it matters
            names += imported(code, package)
            stem = posixpath.splitext(path)[0]
            target = folder / f"{stem}.{sys.implementation.cache_tag}.pyc"
            target.parent.mkdir(parents=True, exist_ok=True)
            head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(text)
            target.write_bytes(head + marshal.dumps(code))
        waiting += [name for name in dict.fromkeys(names) if name not in seen]
        seen.update(names)


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(Path(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1 :])
