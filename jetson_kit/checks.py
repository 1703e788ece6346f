"""The project's own checks, in stages with their time: lint first, what needs Docker last."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.errors import BadInputError, CheckFailedError
from jetson_kit.paths import ROOT

SCRIPTS = ("inv", ".ci/run", *(f"ci/{path.name}" for path in sorted((ROOT / "ci").glob("*.sh"))))


@dataclass(frozen=True)
class Stage:
    """A named group of commands; `quick` ones need neither Docker nor network."""

    name: str
    quick: bool
    commands: Callable[[], Sequence[Sequence[str]]]


def _lint() -> list[list[str]]:
    here = str(Path(sys.executable).parent)
    commands = [
        [f"{here}/ruff", "check", "--quiet", "."],
        [f"{here}/ruff", "format", "--quiet", "--check", "."],
        [f"{here}/mypy"],
        [sys.executable, "-m", "jetson_kit.targets_check"],
    ]
    # PyPI has these two for x86_64 alone.
    for tool, files in (("shellcheck", SCRIPTS), ("hadolint", ("docker/Dockerfile",))):
        if Path(here, tool).exists():
            commands.append([f"{here}/{tool}", *files])
    return commands


def _pytest(*words: str) -> list[list[str]]:
    return [[sys.executable, "-m", "pytest", "-q", *words]]


STAGES = (
    Stage("lint", True, _lint),
    Stage(
        "unit",
        True,
        lambda: _pytest("tests/unit", "-m", "not network and not docker and not qemu and not slow"),
    ),
    Stage("real", False, lambda: _pytest("tests/unit", "-m", "network or docker or qemu or slow")),
    Stage("image", False, lambda: _pytest("tests/image")),
)


def run(*, quick: bool, stage: str) -> None:
    """Run the stages; raise CheckFailedError naming those that failed."""
    chosen = [s for s in STAGES if (not stage or s.name == stage) and (s.quick or not quick)]
    if not chosen:
        known = ", ".join(s.name for s in STAGES)
        raise BadInputError(f"no stage {stage!r} here", f"choose one of {known}")
    failed = []
    times = []
    for one in chosen:
        print(f"--- {one.name}", flush=True)
        started = time.monotonic()
        codes = [
            subprocess.run(words, cwd=ROOT, check=False, env=_env()).returncode
            for words in one.commands()
        ]
        took = time.monotonic() - started
        times.append(f"{one.name} {took:.0f} s")
        if any(codes):
            failed.append(one.name)
    print(f"--- {', '.join(times)}", flush=True)
    if failed:
        raise CheckFailedError(f"failed: {', '.join(failed)}")


def _env() -> dict[str, str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    if shutil.which("docker") is None:
        env["KIT_NO_DOCKER"] = "1"
    return env
