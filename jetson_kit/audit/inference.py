"""One inference on the least CPU that loads a wheel, where user emulation can do it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from jetson_kit.audit import one_cpu, rules
from jetson_kit.audit.emulate import Emulation
from jetson_kit.audit.wheelfile import WheelFile
from jetson_kit.core import uv
from jetson_kit.core.errors import KitError
from jetson_kit.debian import rootfs
from jetson_kit.emulation import cpus
from jetson_kit.models import bundles as models
from jetson_kit.wheels import pysite
from jetson_kit.wheels.device_wheel import SOURCE

SOLUTIONS = Path(__file__).with_name("infer.py")
TASKS = Path(__file__).with_name("infer_tasks.py")
PICTURE = SOURCE / "src" / "mediapipe_jetson" / "data" / "astronaut.jpg"
SUITE = "bookworm"
INFER_S = 600.0


def infer(wheel: WheelFile, folder: Path, emulation: Emulation) -> str:
    """Return what one inference gave, or "not run: " and why."""
    facts = rules.raw()["inference"]
    solutions = {facts["model"], facts["needs"]} <= wheel.members
    if not solutions and facts["tasks"] not in wheel.members:
        return f"not run: {facts['not_run']}"
    python = str(rootfs.data()["suites"][SUITE]["python"])
    if not any(f"cp{python.replace('.', '')}" in t or t.startswith("py3-") for t in wheel.tags):
        return f"not run: the wheel is not for Python {python}, which the emulated system has"
    cpu = next((c for c in cpus.load() for r in emulation.runs if r.cpu == c.name and r.ok), None)
    if cpu is None:
        return "not run: the libraries load on no emulated CPU"
    with tempfile.TemporaryDirectory(prefix="kit-audit-") as name:
        try:
            install(wheel, Path(name), python)
            tree = rootfs.tree(variant="audit", suite=SUITE, arch="arm64")
            script: list[str | Path] = [SOLUTIONS]
            if not solutions:
                script = [TASKS, *models.fetch((facts["tasks_model"],)), PICTURE]
        except KitError as error:
            return f"not run: {error.message}"
        with one_cpu.prefix(tree, cpu) as place:
            return _infer(place, cpu, script, [folder, Path(name)])


def _infer(tree: Path, cpu: cpus.Cpu, script: list[str | Path], folders: list[Path]) -> str:
    env = {
        "PATH": os.defpath,
        "PYTHONPATH": ":".join(str(folder) for folder in folders),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLCONFIGDIR": str(folders[-1]),
    }
    try:
        done = subprocess.run(
            [*one_cpu.command(tree, cpu), *script],
            env=env,
            capture_output=True,
            timeout=INFER_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not run to its end: no answer within {INFER_S:.0f} s on {cpu.name}"
    out = done.stdout.decode("utf-8", "replace").partition("INFERRED ")[2].rsplit(maxsplit=1)
    if done.returncode == 0 and len(out) == 2:
        return f"{out[0]} on {cpu.name} in {out[1]} s"
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"failed on {cpu.name}: {lines[-1][:200] if lines else done.returncode}"


def install(wheel: WheelFile, folder: Path, python: str) -> None:
    """Install what the wheel asks for, as aarch64 wheels, nothing compiled."""
    skip = {canonicalize_name(name) for name in rules.raw()["inference"]["skip"]}
    requested = []
    for text in wheel.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        marked = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if marked and canonicalize_name(requirement.name) not in skip:
            requested.append(text.split(";")[0].strip())
    uv.uv(
        [
            *("pip", "install", "--quiet", "--target", folder),
            *("--python-platform", pysite.PLATFORMS["arm64"], "--python-version", python),
            *("--only-binary", ":all:", "--link-mode", "hardlink", *requested),
        ],
        what="installing what the wheel needs",
    )
