"""Bytecode for the Python files of images, compiled natively by the Python that they have.

The same on each machine: it is one Python that compiles, and each file by itself.
"""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import posixpath
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core import cached_files
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import disk_guard, written_aside
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.run import run
from jetson_kit.debian import native_python
from jetson_kit.debian.native_python import Command, NativePython

DATA = ROOT / "docker" / "bytecode.toml"
PROGRAM = Path(__file__).with_name("bytecode_compile.py")
PACKAGE = re.compile(r".*/(?:site|dist)-packages/(.*)")
STDLIB = re.compile(r"usr/lib/python3\.\d+/(.*)")
# Bytes of the sha256 that stands before the bytecode in the cache.
DIGEST = 32
LIMIT_S = 600
# One hash seed, one locale, and nothing of the user's: the order of sets is in the bytecode.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Compiler:
    """Compiles the files of one Python."""

    python: NativePython

    @property
    def key(self) -> str:
        """One hash over all that decides the bytes but the sources."""
        texts = (DATA.read_bytes(), PROGRAM.read_bytes(), self.python.package.encode())
        return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]

    def begin(self) -> None:
        """Unpack the Python in a thread, for files that will be compiled soon.

        Whatever is wrong shows when they are.
        """
        pool = ThreadPoolExecutor(1)
        pool.submit(self.python.command)
        pool.shutdown(wait=False)

    def takes(self, name: str) -> bool:
        """Tell whether an image has a file's bytecode, by its path in there."""
        if package := PACKAGE.fullmatch(name):
            return not _any(package[1], _data()["packages_without"])
        if stdlib := STDLIB.fullmatch(name):
            return _any(stdlib[1], _data()["stdlib"])
        return False

    def compiled(self, sources: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
        """Yield the compiled files, sorted: (path, content), as Python looks for them.

        A source that a user puts in the place of one is compiled anew. Raises StepFailedError,
        DiskFullError and what NativePython.command raises.
        """
        store = cache_dir("bytecode", self.key)
        places = {
            name: store / hashlib.sha256(source).hexdigest()
            for name, source in sorted(sources.items())
        }
        known = {place: _read(place) for place in places.values()}
        missing = {place: sources[name] for name, place in places.items() if known[place] is None}
        for place in known:
            cached_files.used(place)
        if missing:
            with disk_guard(store):
                known |= self._compile(missing)
            # It looks at each file: not where a layer only takes what is there.
            cached_files.forget_unused(store.parent, "*/*")
        tag = f"cpython-{self.python.version.replace('.', '')}"
        for name, place in places.items():
            if content := known[place]:
                folder, file = posixpath.split(name)
                yield f"{folder}/__pycache__/{file.removesuffix('.py')}.{tag}.pyc", content

    def _compile(self, missing: Mapping[Path, bytes]) -> dict[Path, bytes | None]:
        result: dict[Path, bytes | None] = {}
        with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="bytecode-") as scratch:
            sources, out = Path(scratch, "sources"), Path(scratch, "out")
            with sources.open("wb") as file:
                file.writelines(b"%d\n%s" % (len(text), text) for text in missing.values())
            python = self._run(sources, out)
            with out.open("rb") as file:
                for place in missing:
                    code = file.read(int(file.readline()))
                    if python.locked:
                        with written_aside(place) as aside:
                            aside.write_bytes(hashlib.sha256(code).digest() + code)
                    result[place] = code
        return result

    def _run(self, sources: Path, out: Path) -> Command:
        """Compile; a Python that does not run is unpacked once more, as it may be damaged."""
        for last in (False, True):
            python = self.python.command()
            try:
                run(
                    [*python.arguments, PROGRAM, sources, out],
                    what="compiling the image's Python files",
                    env=ENVIRONMENT,
                    timeout_s=LIMIT_S,
                )
            except PermissionError as error:
                raise StepFailedError(
                    f"no program can be run in {python.folder}: {error.strerror}",
                    "move the cache to another file system: KIT_CACHE=FOLDER",
                ) from error
            except StepFailedError:
                if last:
                    raise
                shutil.rmtree(python.folder, ignore_errors=True)
                continue
            return python
        raise AssertionError


def of(suite: str, version: str) -> Compiler | None:
    """Return the compiler of a suite's Python; None where it is not available on this machine."""
    python = native_python.of(suite, version)
    return Compiler(python) if python else None


def _read(place: Path) -> bytes | None:
    """Return the bytecode in a file of the cache; None where it is not what was written."""
    try:
        content = place.read_bytes()
    except OSError:
        return None
    digest, code = content[:DIGEST], content[DIGEST:]
    return code if hashlib.sha256(code).digest() == digest else None


@functools.cache
def _data() -> dict[str, Any]:
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def _any(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
