"""Compile the device wheel's shim for any architecture, natively, with a pinned compiler."""

from __future__ import annotations

import hashlib
import platform
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit import kept, uv
from jetson_kit.errors import BadInputError, ToolMissingError
from jetson_kit.files import disk_guard
from jetson_kit.paths import ROOT, cache_dir
from jetson_kit.run import run

TABLE = Path(__file__).with_name("shim.toml")
NATIVE = ROOT / "wheels" / "mediapipe-jetson" / "native"
SOURCES = ("shim.c", "vulkan.c")
FLAGS = "-shared -fPIC -O2 -s -std=c11 -fvisibility=hidden -Wall -Wextra -Werror".split()
# Followed by an empty folder: the only place where clang then looks for a GCC.
NO_GCC = "--gcc-toolchain="


@dataclass(frozen=True)
class Target:
    """An architecture: `machine` as the kernel names it, the compiler's triple, the wheel's tag."""

    arch: str
    machine: str
    triple: str
    tag: str

    @property
    def filename(self) -> str:
        """Return the library's name in the wheel."""
        return f"libmpjshim-{self.machine}.so"


def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def compiler_package() -> str:
    """Return the package that brings the compiler."""
    return str(_table()["compiler"]["package"])


def target(arch: str) -> Target:
    """Return an architecture's row, by Docker's name of it. Raises BadInputError."""
    rows = _table()["targets"]
    if arch not in rows:
        raise BadInputError(f"no architecture {arch!r}", f"choose from {', '.join(rows)}")
    return Target(arch, **rows[arch])


def fingerprint(wanted: Target, native: Path = NATIVE) -> str:
    """Return one hash over all that decides the library's bytes."""
    digest = hashlib.sha256()
    compiler = _table()["compiler"]
    for text in (*FLAGS, NO_GCC, wanted.triple, compiler["package"], compiler["version"]):
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
    wanted = target(arch)
    made = cache_dir("shim", fingerprint(wanted, native)[:32]) / wanted.filename
    if not kept.intact(made, thorough=True):
        with disk_guard(made.parent), tempfile.TemporaryDirectory(prefix="shim-") as name:
            _compile(wanted, native, Path(name), made)
    return made


def _compile(wanted: Target, native: Path, aside: Path, made: Path) -> None:
    """Compile by what is pinned alone: nothing that is installed here may change a byte.

    Clang takes over defaults of a GCC that it finds for the target (outline atomics, for one), and
    clang and zig read paths and options from variables: it gets an empty toolchain and no variable.
    """
    compiler = _table()["compiler"]
    sha256 = compiler["sha256"].get(platform.machine())
    if not sha256:
        raise ToolMissingError(
            f"the compiler {compiler['package']} is not pinned for {platform.machine()}",
            "build on x86_64 or aarch64",
        )
    root = uv.unpack(compiler["package"], compiler["version"], sha256, aside / "compiler")
    empty, sources = aside / "no-gcc", aside / "native"
    empty.mkdir()
    shutil.copytree(native, sources)
    with kept.made(made) as output:
        run(
            [
                root / compiler["program"],
                *("cc", "-target", wanted.triple, *FLAGS, f"{NO_GCC}{empty}"),
                *("-o", output.absolute()),
                *SOURCES,
                "-ldl",
            ],
            what=f"compiling the shim for {wanted.arch}",
            env={
                "HOME": str(aside),
                "LC_ALL": "C",
                "TMPDIR": str(aside),
                "ZIG_GLOBAL_CACHE_DIR": str(aside / "global"),
                "ZIG_LOCAL_CACHE_DIR": str(aside / "local"),
            },
            cwd=sources,
        )
