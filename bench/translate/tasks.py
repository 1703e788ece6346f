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

from bench import sample_videos
from jetson_kit.audit import inference, one_cpu, wheelfile
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import rootfs
from jetson_kit.emulation import cores as emulation
from jetson_kit.models import bundles as models
from jetson_kit.wheels import repack
from jetson_kit.wheels.pins import Pin
from jetson_kit.wheels.translate.rewrite import Translation

PROGRAM = Path(__file__).with_name("tasks_program.py")
LIBRARY = "mediapipe/tasks/c/libmediapipe.so"
LIMIT_S = 7200.0
PYTHON = "3.11"
# MediaPipe's graph refuses a renderer that calls itself a software one. Mesa compiles shaders in
# half the time if it does not optimize them, and gives the same results.
RENDERER = "NVIDIA Tegra Orin (nvgpu)/integrated"
OPENGL = re.compile(rf"GL version: [\d.]+ \((.+?)\), renderer: {re.escape(RENDERER)}")
IN_SOFTWARE = {"force_gl_renderer": RENDERER, "GALLIVM_PERF": "nopt"}


@dataclass(frozen=True)
class Site:
    """A wheel and what it asks for, unpacked to be run under emulation."""

    wheel: Path
    packages: Path

    @property
    def library(self) -> Path:
        """Return the native library."""
        return self.wheel / LIBRARY


@dataclass(frozen=True)
class Work:
    """What to infer: photographs, or the first frames of a video where `frames` is not 0.

    With `seconds` these frames are gone through again and again for so long.
    """

    models: tuple[str, ...]
    delegate: str = "CPU"
    frames: int = 0
    video: str = "Megamind.avi"
    seconds: float = 0


@dataclass(frozen=True)
class Inferred:
    """The hash of each task's results and how many numbers they have, by the model's file name."""

    rows: dict[str, Any]
    opengl: str = ""
    """The version that MediaPipe's GPU graph opened: "OpenGL ES 3.2 Mesa 22.3.6"."""


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
    work: Work,
    *,
    before: Sequence[str] = (),
    options: Sequence[str | Path] = (),
    values: Path | None = None,
) -> Inferred:
    """Return each task's hash of results on a core.

    `before` stands before QEMU's command, `options` are QEMU's; `values` (a folder) gets each
    task's numbers as float64. Raises StepFailedError with the process's last words, or where a
    task on the GPU did not say what renderer it had.
    """
    core = emulation.core(cpu)
    on_gpu = work.delegate == "GPU"
    tree = rootfs.tree(variant="emulated" if on_gpu else "audit", suite="bookworm", arch="arm64")
    with one_cpu.prefix(tree, core) as place, tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "results.json"
        request = {
            "out": str(out),
            "values": str(values or ""),
            "frames": work.frames,
            "seconds": work.seconds,
            "video": str(sample_videos.fetch(work.video)),
            "delegate": work.delegate,
            "photographs": [str(inference.PICTURE), str(sample_videos.fetch("messi5.jpg"))],
            "models": [str(path) for path in models.fetch(work.models)],
        }
        qemu = one_cpu.command(place, core, *map(str, options))
        done = subprocess.run(
            [*before, *qemu, PROGRAM, json.dumps(request)],
            env={
                "PATH": os.defpath,
                "PYTHONPATH": f"{site.wheel}:{site.packages}",
                "PYTHONDONTWRITEBYTECODE": "1",
                **(IN_SOFTWARE if on_gpu else {}),
            },
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
        last = done.stderr.decode("utf-8", "replace")
        if done.returncode or not out.exists():
            lines = last.strip().splitlines()[-1:]
            raise StepFailedError(f"inference on {cpu} ended with {done.returncode}: {lines}")
        contexts = [match[1] for match in OPENGL.finditer(last)]
        if on_gpu and len(contexts) < len(work.models):
            raise StepFailedError(f"on {cpu} not every task opened an OpenGL context")
        return Inferred(json.loads(out.read_text(encoding="utf-8")), contexts[0] if on_gpu else "")


def reached(log: Path, translation: Translation) -> int:
    """Return how many translated sites QEMU's log of instructions shows as reached.

    The library lies at an address that the log does not tell: it is the one at which the most
    trampolines stand where the library has them.
    """
    addresses = set()
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if match := re.match(r"0x([0-9a-f]+):", line):
                addresses.add(int(match[1], 16))
    trampolines = {trampoline.address for trampoline in translation.trampolines}
    base = _base(addresses, translation)
    count = sum(base + address in addresses for address in trampolines)
    return count + sum(base + site.address in addresses for site in translation.in_place)


def _base(addresses: set[int], translation: Translation) -> int:
    page = 0xFFF
    by_offset: dict[int, list[int]] = {}
    for trampoline in translation.trampolines:
        by_offset.setdefault(trampoline.address & page, []).append(trampoline.address)
    votes: dict[int, int] = {}
    for address in addresses:
        for candidate in by_offset.get(address & page, ()):
            base = address - candidate
            if base > 0:
                votes[base] = votes.get(base, 0) + 1
    return max(votes, key=lambda base: votes[base], default=0)
