"""Debian's kernel for a virtual machine, with an initramfs of our own: a shell and some modules.

Neither update-initramfs nor any package script runs; depmod does, which reads any architecture.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import extract_tar, locked, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.run import run
from jetson_kit.core.text import counted
from jetson_kit.debian import apt as debian
from jetson_kit.debian import deb_file
from jetson_kit.debian.deb_file import Deb
from jetson_kit.virtual_devices import root
from jetson_kit.virtual_devices.cpio import CpioWriter

INIT = Path(__file__).with_name("init.sh")
# Raised when the same inputs would give other bytes than before.
FORMAT = 1


@dataclass(frozen=True)
class Kernel:
    """What QEMU boots, and what belongs to it on the root."""

    image: Path
    initramfs: Path
    modules: Path
    """A tar of usr/lib/modules with its indexes."""
    key: str


def build(arch: str, *, refresh: bool = False) -> Kernel:
    """Return the kernel for "amd64" or "arm64", from the cache unless `refresh` asks for newer.

    Raises NetworkError, IntegrityError, DiskFullError, StepFailedError or ToolMissingError.
    """
    with locked(cache_dir("locks") / f"device-kernel-{arch}.lock", lambda: None):
        return _build(arch, refresh)


def _build(arch: str, refresh: bool) -> Kernel:
    spec = root.data()
    facts: dict[str, Any] = spec["kernel"]
    requested = json.dumps([FORMAT, spec["suite"], facts, INIT.read_text()], sort_keys=True)
    digest = hashlib.sha256(requested.encode()).hexdigest()[:16]
    pointer = cache_dir("devices", "kernel") / f"{arch}-{digest}.json"
    if not refresh and (known := _known(pointer, arch)):
        return known
    debs = debian.fetch(
        (facts["packages"][arch], "busybox-static"),
        suite=spec["suite"],
        arch=arch,
        folder=cache_dir("apt", f"{spec['suite']}-{arch}"),
    )
    image = _single_package(debs, "linux-image-[0-9]*")
    busybox = _single_package(debs, "busybox-static")
    listing = f"{digest} {image.sha256} {busybox.sha256}"
    key = hashlib.sha256(listing.encode()).hexdigest()[:16]
    kernel = _named(arch, key)
    if not _intact(kernel):
        _make(kernel, image, busybox, facts)
    write_text(pointer, json.dumps({"key": key}))
    return kernel


def _single_package(debs: tuple[Deb, ...], glob: str) -> Deb:
    result = [deb for deb in debs if fnmatch.fnmatchcase(deb.name, glob)]
    if len(result) != 1:
        raise StepFailedError(
            f"apt offers {counted(len(result), 'package')} {glob} where one was expected"
        )
    return result[0]


def _named(arch: str, key: str) -> Kernel:
    base = cache_dir("devices", "kernel") / f"{arch}-{key}"
    image, initramfs, modules = (
        base.with_name(f"{base.name}.{kind}") for kind in ("vmlinuz", "cpio", "modules.tar")
    )
    return Kernel(image, initramfs, modules, key)


def _intact(kernel: Kernel) -> bool:
    return all(
        cached_files.intact(path) for path in (kernel.image, kernel.initramfs, kernel.modules)
    )


def _known(pointer: Path, arch: str) -> Kernel | None:
    try:
        kernel = _named(arch, str(json.loads(pointer.read_text(encoding="utf-8"))["key"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kernel if _intact(kernel) else None


def _make(kernel: Kernel, image: Deb, busybox: Deb, facts: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp")) as name:
        tree = Path(name)
        with tarfile.open(fileobj=BytesIO(deb_file.files_tar(image))) as files:
            extract_tar(files, tree)
        (release,) = (path.name for path in (tree / "lib/modules").iterdir())
        modules = tree / "lib/modules" / release
        for glob in facts["drop"]:
            for path in sorted(modules.glob(glob)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        depmod(tree, release)
        with cached_files.create(kernel.image) as aside:
            shutil.copyfile(tree / "boot" / f"vmlinuz-{release}", aside)
        with cached_files.create(kernel.modules) as aside, LayerTar(aside) as layer:
            layer.tree(f"usr/lib/modules/{release}", modules)
        needed = closure((modules / "modules.dep").read_text(), tuple(facts["early"]))
        loaded = [(PurePosixPath(path).name, (modules / path).read_bytes()) for path in needed]
        with (
            cached_files.create(kernel.initramfs) as aside,
            aside.open("wb") as out,
            CpioWriter(out) as archive,
        ):
            _fill(archive, _program(busybox), loaded)


def depmod(tree: Path, release: str) -> None:
    """Write the indexes of the modules below `tree`. Raises ToolMissingError or StepFailedError."""
    run(["depmod", "-b", tree, release], what=f"listing the modules of kernel {release}")


def closure(dependencies: str, names: tuple[str, ...]) -> list[str]:
    """Return the paths of `names` and of all that they need, in the order of loading.

    `dependencies` is the text of modules.dep: each line a module, then what it needs, the next
    one first. What is built into the kernel has no line. Raises StepFailedError for a name that
    is not there.
    """
    needs: dict[str, list[str]] = {}
    for line in dependencies.splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    order: list[str] = []
    for name in names:
        result = [path for path in needs if PurePosixPath(path).name == f"{name}.ko"]
        if not result:
            raise StepFailedError(f"the kernel has no module {name}")
        order += [item for item in (*reversed(needs[result[0]]), *result) if item not in order]
    return order


def _program(busybox: Deb) -> bytes:
    with tarfile.open(fileobj=BytesIO(deb_file.files_tar(busybox))) as files:
        for info in files:
            stream = files.extractfile(info) if info.name.endswith("bin/busybox") else None
            if stream:
                return stream.read()
    raise StepFailedError(f"{busybox.path.name} has no bin/busybox")


def _fill(archive: CpioWriter, busybox: bytes, modules: list[tuple[str, bytes]]) -> None:
    for name in ("bin", "dev", "proc", "sys", "root", "modules"):
        archive.folder(name)
    archive.device("dev/console", 5, 1)
    archive.data("bin/busybox", busybox, 0o755)
    archive.link("bin/sh", "busybox")
    archive.data("init", INIT.read_bytes(), 0o755)
    for name, content in modules:
        archive.data(f"modules/{name}", content)
    archive.data("modules/order", "".join(f"{name}\n" for name, _ in modules).encode())
