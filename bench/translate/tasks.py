"""The same inferences by the original on a new core and by the translated library on an old one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit import emulation, models, repack, rootfs, sample_videos
from jetson_kit.audit import emulate, inference, wheelfile
from jetson_kit.errors import StepFailedError
from jetson_kit.paths import cache_dir
from jetson_kit.translate.rewrite import Translation
from jetson_kit.wheels import Pin

PROGRAM = Path(__file__).with_name("tasks_program.py")
LIBRARY = "mediapipe/tasks/c/libmediapipe.so"
LIMIT_S = 3600.0
PYTHON = "3.11"


@dataclass(frozen=True)
class Site:
    """A wheel and what it asks for, unpacked to be run under emulation."""

    wheel: Path
    packages: Path

    @property
    def library(self) -> Path:
        """Return the native library."""
        return self.wheel / LIBRARY


@contextlib.contextmanager
def installed(pin: Pin) -> Iterator[Site]:
    """Yield a wheel and its packages; without a core all that it loads is the official library's.

    Raises what fetching raises.
    """
    path = repack.build(pin, cache_dir("wheels"))
    with tempfile.TemporaryDirectory(prefix="kit-translate-") as name:
        site = Site(Path(name) / "wheel", Path(name) / "packages")
        with zipfile.ZipFile(path) as archive:
            archive.extractall(site.wheel)
        inference.install(wheelfile.read(path), site.packages, PYTHON)
        yield site


def infer(
    site: Site,
    cpu: str,
    tasks: Sequence[str],
    *,
    video: Path | None = None,
    frames: int = 0,
    log: Path | None = None,
) -> dict[str, Any]:
    """Return each task's hash of results on a core; `log` gets every instruction that was reached.

    Raises StepFailedError with the process's last words.
    """
    core = emulation.core(cpu)
    tree = rootfs.tree(variant="audit", suite="bookworm", arch="arm64")
    with emulate.prefix(tree, core) as place, tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "results.json"
        more = ["-d", "in_asm", "-D", str(log)] if log else []
        photographs = [str(inference.PICTURE), str(sample_videos.fetch("messi5.jpg"))]
        words = [str(out), str(frames), str(video or "-"), *photographs]
        files = [str(path) for path in models.fetch(tuple(tasks))]
        done = subprocess.run(
            [*emulate.command(place, core, *more), str(PROGRAM), *words, *files],
            env={
                "PATH": os.defpath,
                "PYTHONPATH": f"{site.wheel}:{site.packages}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode or not out.exists():
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise StepFailedError(f"inference on {cpu} ended with {done.returncode}: {last}")
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def reached(log: Path, made: Translation) -> int:
    """Return how many translated sites QEMU's log of instructions shows as reached.

    The library lies at an address that the log does not tell: it is the one at which the most
    trampolines stand where the library has them.
    """
    addresses = set()
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if match := re.match(r"0x([0-9a-f]+):", line):
                addresses.add(int(match[1], 16))
    trampolines = {one.address for one in made.trampolines}
    base = _base(addresses, made)
    count = sum(base + address in addresses for address in trampolines)
    return count + sum(base + site.address in addresses for site in made.in_place)


def _base(addresses: set[int], made: Translation) -> int:
    page = 0xFFF
    by_offset: dict[int, list[int]] = {}
    for one in made.trampolines:
        by_offset.setdefault(one.address & page, []).append(one.address)
    votes: dict[int, int] = {}
    for address in addresses:
        for candidate in by_offset.get(address & page, ()):
            base = address - candidate
            if base > 0:
                votes[base] = votes.get(base, 0) + 1
    return max(votes, key=lambda base: votes[base], default=0)
