"""Python layers: a virtual environment at /opt/mediapipe for any base, filled natively.

uv resolves nothing here: it unpacks hash-pinned wheels of the target's platform.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files, uv
from jetson_kit.core.files import disk_guard, sha256_file, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian.bytecode import Compiler
from jetson_kit.wheels import console_scripts, site_prune

PREFIX = "opt/mediapipe"
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "amd64": "x86_64-manylinux_2_28"}
# Raised when the same wheels would give other bytes than before.
FORMAT = 4
# Where a wheel lay and when: uv writes it beside what it unpacks. Programs, whose first line names
# the build machine's Python, go as well.
OF_THIS_MACHINE = ("direct_url.json", "uv_cache.json")


@dataclass(frozen=True)
class Installed:
    """One distribution inside a layer."""

    name: str
    version: str
    license: str


@dataclass(frozen=True)
class SiteLayer:
    """A layer tar and the distributions in it."""

    tar: Path
    installed: tuple[Installed, ...]


def locked(
    lock: Path, python: str, arch: str, interpreter: str, compiler: Compiler | None = None
) -> SiteLayer:
    """Return the layer of a hash-pinned lock, with the environment's own files.

    `interpreter` is the absolute path, in the image, of the Python that the environment uses;
    `compiler` is of its version.
    """
    rules = site_prune.rules()
    key = _key(lock.read_text(encoding="utf-8"), python, arch, interpreter, rules.key, compiler)

    def install(into: Path) -> None:
        _install(
            ["--require-hashes", "-r", lock], python, arch, into, what=f"unpacking {lock.name}"
        )
        site_prune.prune(into, rules)

    def first(layer: LayerTar) -> None:
        home, _, _ = interpreter.rpartition("/")
        layer.data(
            f"{PREFIX}/pyvenv.cfg",
            f"home = {home}\ninclude-system-site-packages = false\nversion = {python}\n",
        )
        for name in ("python3", "python", f"python{python}"):
            layer.link(f"{PREFIX}/bin/{name}", interpreter)

    return _layer("deps", key, python, install, first, compiler)


def wheel(
    path: Path,
    python: str,
    arch: str,
    *,
    sha256: str = "",
    beside: Sequence[Path] = (),
    compiler: Compiler | None = None,
) -> SiteLayer:
    """Return the layer of one local wheel, without its dependencies; its hash may be known.

    Files `beside` it go into the folder of packages as they are, such as a .pth.
    """
    contents = (f"{item.name} {sha256_file(item)}" for item in beside)
    key = _key(path.name, sha256 or sha256_file(path), python, arch, *contents, compiler)

    def install(into: Path) -> None:
        _install(
            ["--no-deps", "--no-index", path], python, arch, into, what=f"unpacking {path.name}"
        )
        for file in beside:
            shutil.copyfile(file, into / file.name)

    name = path.name.partition("-")[0]
    return _layer(name, key, python, install, lambda layer: None, compiler)


def alone(
    name: str, lock: Path, python: str, arch: str, compiler: Compiler | None = None
) -> SiteLayer:
    """Return the layer of a hash-pinned lock that comes without its packages' dependencies."""
    rules = site_prune.rules()
    key = _key(lock.read_text(encoding="utf-8"), python, arch, rules.key, compiler)

    def install(into: Path) -> None:
        _install(
            ["--no-deps", "--require-hashes", "-r", lock], python, arch, into,
            what=f"unpacking {name} by {lock.name}",
        )  # fmt: skip
        site_prune.prune(into, rules)

    return _layer(name, key, python, install, lambda layer: None, compiler)


def beside(
    lock: Path, python: str, arch: str, manylinux: str, leave_out: Sequence[str]
) -> SiteLayer:
    """Return the layer of a hash-pinned lock that comes beside the first.

    `manylinux` is the newest that the image's C library takes, `leave_out` are patterns of files.
    """
    platform = f"{PLATFORMS[arch].partition('-')[0]}-{manylinux}"
    key = _key(lock.read_text(encoding="utf-8"), python, platform, *leave_out)

    def install(into: Path) -> None:
        _install(
            ["--require-hashes", "-r", lock], python, arch, into,
            what=f"unpacking {lock.name}", platform=platform,
        )  # fmt: skip
        _leave_out(into, leave_out)

    return _layer("tensorrt", key, python, install, lambda layer: None)


def application(
    lock: str,
    contents: str,
    python: str,
    arch: str,
    platform: str,
    check: Callable[[Path], None],
    judged_by: str,
    compiler: Compiler | None = None,
) -> SiteLayer:
    """Return the layer of an application's lock, given as text, without dependencies.

    `contents` names all that is in it, without passwords; `check` sees the unpacked folder and
    raises for what does not fit; `judged_by` names all that it goes by, so that another image has
    the same packages checked again. `platform` is uv's name of it. The packages' programs come with
    them; uv refuses one that would replace the image's Python.
    """
    programs: dict[str, bytes] = {}

    def install(into: Path) -> None:
        with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-wheels-") as scratch:
            listed = Path(scratch, "lock.txt")
            # In a file: it may name an index with its password.
            listed.touch(0o600)
            listed.write_text(lock, encoding="utf-8")
            _install(
                ["--no-deps", "--require-hashes", "-r", listed], python, arch, into,
                what="unpacking the application's packages", platform=platform,
            )  # fmt: skip
        check(into)
        programs.update(console_scripts.take(into, f"/{PREFIX}/bin/python3", "../../../bin"))

    def first(layer: LayerTar) -> None:
        for name, content in sorted(programs.items()):
            layer.data(f"{PREFIX}/bin/{name}", content, 0o755)

    key = _key(contents, python, arch, platform, f"{console_scripts.FORMAT} {judged_by}", compiler)
    return _layer("app-wheels", key, python, install, first, compiler)


def _leave_out(site: Path, patterns: Sequence[str]) -> None:
    """Remove files, and what the packages' records say of them."""
    gone = {path for pattern in patterns for path in site.rglob(pattern) if path.is_file()}
    for path in gone:
        path.unlink()
    names = {f"{path.relative_to(site).as_posix()}," for path in gone}
    for record in site.glob("*.dist-info/RECORD"):
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        record.unlink()  # it may be a hard link into uv's cache
        left = [line for line in lines if line[: line.find(",") + 1] not in names]
        record.write_text("".join(left), "utf-8")


def _key(*parts: str | Compiler | None) -> str:
    texts = (part if isinstance(part, str) else part.key if part else "" for part in parts)
    return hashlib.sha256("\0".join((str(FORMAT), *texts)).encode()).hexdigest()[:16]


def _layer(
    name: str,
    key: str,
    python: str,
    install: Callable[[Path], None],
    first: Callable[[LayerTar], None],
    compiler: Compiler | None = None,
) -> SiteLayer:
    tar = cache_dir("layers") / f"{name}-{key}.tar"
    listing = tar.with_suffix(".json")
    known = _listed(listing) if cached_files.intact(tar) else None
    if known is None:
        if compiler:
            compiler.begin()
        with (
            disk_guard(tar.parent),
            tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix=f"{name}-") as scratch,
        ):
            site = Path(scratch) / "site"
            site.mkdir()
            install(site)
            _clean(site)
            known = _installed(site)
            with cached_files.create(tar) as aside, LayerTar(aside, compiler) as layer:
                first(layer)
                layer.tree(f"{PREFIX}/lib/python{python}/site-packages", site)
            write_text(listing, json.dumps([[d.name, d.version, d.license] for d in known]))
    return SiteLayer(tar, known)


def _listed(listing: Path) -> tuple[Installed, ...] | None:
    try:
        rows = json.loads(listing.read_text(encoding="utf-8"))
        return tuple(Installed(*row) for row in rows) or None
    except (OSError, ValueError, TypeError):
        return None


def _install(
    what_from: list[str | Path],
    python: str,
    arch: str,
    into: Path,
    *,
    what: str,
    platform: str = "",
) -> None:
    uv.uv(
        [
            *("pip", "install", "--quiet", "--python", sys.executable),
            *("--python-version", python, "--python-platform", platform or PLATFORMS[arch]),
            *("--only-binary", ":all:", "--target", into, *what_from),
        ],
        what=what,
    )


def _clean(site: Path) -> None:
    """Remove traces of the build machine, from the folder and from the packages' records."""
    shutil.rmtree(site / "bin", ignore_errors=True)
    for name in (".lock", *(f"*.dist-info/{name}" for name in OF_THIS_MACHINE)):
        for path in site.glob(name):
            path.unlink()
    for record in site.glob("*.dist-info/RECORD"):
        info = record.parent.name
        gone = ("bin/", '"bin/', *(f"{info}/{name}," for name in OF_THIS_MACHINE))
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        record.unlink()  # it may be a hard link into uv's cache
        record.write_text("".join(line for line in lines if not line.startswith(gone)), "utf-8")


def _installed(site: Path) -> tuple[Installed, ...]:
    result = []
    for metadata in sorted(site.glob("*.dist-info/METADATA")):
        fields = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        result.append(Installed(fields["Name"], fields["Version"], _license(fields)))
    return tuple(result)


def _license(fields: Message) -> str:
    """Return a package's licence in one line: by its metadata's field, else by its classifiers."""
    text = fields.get("License-Expression") or fields.get("License") or ""
    named = (line for line in fields.get_all("Classifier", ()) if line.startswith("License ::"))
    lines = text.splitlines() or [line.rpartition(" :: ")[2] for line in named]
    return str(lines[0]) if lines else ""
