"""Compile the device wheel's shim for any architecture, natively, with a pinned compiler."""

from __future__ import annotations

import fnmatch
import hashlib
import platform
import shutil
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core import cached_files, uv
from jetson_kit.core.errors import BadInputError, ToolMissingError
from jetson_kit.core.files import disk_guard
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.run import run

TABLE = Path(__file__).with_name("shim.toml")
NATIVE = ROOT / "wheels" / "mediapipe-jetson" / "native"
SOURCES = ("shim.c", "vulkan.c")
COMPILE = "-fPIC -O2 -std=c11 -fvisibility=hidden -Wall -Wextra -Werror -c".split()
LINK = "-shared -s -z defs --build-id=none --hash-style=gnu".split()
STAND_IN = "-fPIC -fno-builtin -w -c".split()
# Followed by an empty folder: the only place where clang then looks for a GCC.
NO_GCC = "--gcc-toolchain="


@dataclass(frozen=True)
class Target:
    """An architecture: `machine` as the kernel names it, the compiler's triple, the wheel's tag."""

    arch: str
    machine: str
    triple: str
    tag: str
    flags: tuple[str, ...]
    symbols: str
    """The version of the C library's symbols on it."""
    later: tuple[tuple[str, str], ...]
    """(symbol, its newer version)"""
    libraries: tuple[tuple[str, tuple[str, ...]], ...]
    """(library, symbols) that it calls."""

    @property
    def filename(self) -> str:
        """Return the library's name in the wheel."""
        return f"libmpjshim_{self.machine}.so"


def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def compiler_package() -> str:
    """Return the package that brings the compiler."""
    return str(_table()["compiler"]["package"])


def target(arch: str) -> Target:
    """Return an architecture's row, by Docker's name of it. Raises BadInputError."""
    table = _table()
    rows = table["targets"]
    if arch not in rows:
        raise BadInputError(f"no architecture {arch!r}", f"choose from {', '.join(rows)}")
    row = rows[arch]
    return Target(
        arch,
        row["machine"],
        row["triple"],
        row["tag"],
        tuple(row["flags"]),
        row["symbols"],
        tuple(row.get("later", {}).items()),
        tuple(
            (name, tuple(symbols))
            for name, symbols in {**table["libraries"], **row.get("libraries", {})}.items()
        ),
    )


def fingerprint(requested: Target, native: Path = NATIVE) -> str:
    """Return one hash over all that decides the library's bytes."""
    digest = hashlib.sha256()
    table = _table()
    compiler = (table["compiler"]["package"], table["compiler"]["version"])
    for text in (*COMPILE, *LINK, *STAND_IN, NO_GCC, requested, *compiler):
        digest.update(f"{text}\0".encode())
    for path in sorted(native.glob("*.[ch]")):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def build(arch: str, native: Path = NATIVE) -> Path:
    """Return the compiled library of an architecture; what is unchanged is not made again.

    Raises BadInputError, ToolMissingError where the compiler is not published for this machine,
    NetworkError, IntegrityError, DiskFullError, StepFailedError.
    """
    requested = target(arch)
    path = cache_dir("shim", fingerprint(requested, native)[:32]) / requested.filename
    if not cached_files.intact(path, thorough=True):
        folder = tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="shim-")
        with disk_guard(path.parent), folder as name:
            _compile(requested, native, Path(name), path)
    return path


@dataclass(frozen=True)
class _Toolchain:
    """The pinned compiler and a folder to work in: nothing installed here may change a byte.

    Clang takes over defaults of a GCC that it finds for the target (outline atomics, for one), and
    clang and zig read paths and options from variables: it gets an empty toolchain and no variable.
    """

    program: Path
    target: Target
    work: Path

    def run(self, *arguments: str | Path) -> None:
        """Run the compiler's program in the working folder."""
        scratch = self.work / "scratch"
        run(
            [self.program, *arguments],
            what=f"compiling the shim for {self.target.arch}",
            env={
                "HOME": str(scratch),
                "LC_ALL": "C",
                "TMPDIR": str(scratch),
                "ZIG_GLOBAL_CACHE_DIR": str(scratch / "global"),
                "ZIG_LOCAL_CACHE_DIR": str(scratch / "local"),
            },
            cwd=self.work,
        )

    def object(self, source: str, flags: list[str]) -> str:
        """Compile a source file of the working folder; return the object file's name."""
        empty = self.work / "scratch" / "no-gcc"
        empty.mkdir(parents=True, exist_ok=True)
        target = ("-target", self.target.triple, *self.target.flags, f"{NO_GCC}{empty}")
        self.run("cc", *target, *flags, "-o", f"{source}.o", source)
        return f"{source}.o"

    def stand_in(self, soname: str, symbols: tuple[str, ...]) -> str:
        """Make a library that has these symbols and does nothing; return its name."""
        source, versions = f"{soname}.c", f"{soname}.map"
        text = "".join(f"void {name}(void){{}}\n" for name in symbols)
        (self.work / source).write_text(text, encoding="utf-8")
        (self.work / versions).write_text(_versions(self.target, symbols), encoding="utf-8")
        options = ("-shared", "-soname", soname, "--version-script", versions)
        self.run("ld.lld", *options, "-o", soname, self.object(source, STAND_IN))
        return soname


def _compile(requested: Target, native: Path, aside: Path, path: Path) -> None:
    program = unpack_compiler(aside)
    work = shutil.copytree(native, aside / "native")
    tools = _Toolchain(program, requested, work)
    objects = [tools.object(source, COMPILE) for source in SOURCES]
    libraries = [tools.stand_in(*row) for row in requested.libraries]
    with cached_files.create(path) as output:
        tools.run("ld.lld", *LINK, "-o", output.absolute(), *objects, *libraries)


def unpack_compiler(folder: Path) -> Path:
    """Unpack what is needed of the pinned compiler into a folder; return its program."""
    compiler = _table()["compiler"]
    row = compiler["wheels"].get(platform.machine())
    if not row:
        raise ToolMissingError(
            f"the compiler {compiler['package']} is not pinned for {platform.machine()}",
            "build on x86_64 or aarch64",
        )
    wheel = uv.download_wheel(row["filename"], row["sha256"], folder)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in compiler["files"]):
                archive.extract(name, folder)
    program = folder / str(compiler["program"])
    program.chmod(0o755)
    return program


def _versions(requested: Target, symbols: tuple[str, ...]) -> str:
    """Return a linker's version script for the symbols of a stand-in library."""
    later = dict(requested.later)
    names: dict[str, list[str]] = {requested.symbols: []}
    for symbol in symbols:
        names.setdefault(later.get(symbol, requested.symbols), []).append(symbol)
    return "".join(
        f"{version} {{ global: {' '.join(f'{name};' for name in members)} }};\n"
        for version, members in names.items()
    )
