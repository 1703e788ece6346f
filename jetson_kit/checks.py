"""The project's own checks, in the stages of ci/stages.toml, each with its time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit import environments
from jetson_kit.errors import BadInputError, CheckFailedError
from jetson_kit.paths import ROOT

TABLE = ROOT / "ci" / "stages.toml"
SCRIPTS = (
    "inv",
    ".ci/run",
    "ansible/secret-become",
    "ansible/secret-vault",
    *(
        str(path.relative_to(ROOT))
        for folder in ("ci", "jetson_kit/devices", "jetson_kit/devices/stand_ins")
        for path in sorted((ROOT / folder).glob("*.sh"))
    ),
)
WORKFLOWS = (("github-workflows", "ci/github.yml"), ("gitlab-ci", "ci/gitlab.yml"))
REAL = "network or docker or qemu or slow or browser or engines or vision"


@dataclass(frozen=True)
class Stage:
    """A named group of checks; `quick` ones need neither Docker nor network.

    `long` ones run only by their name.

    `evidence` is run where the stage failed: it shows what the tests' own output can't.
    `environment` names one of jetson_kit.environments in which pytest runs.
    """

    name: str
    quick: bool = False
    long: bool = False
    pytest: tuple[str, ...] = ()
    real: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    workers: int = 1
    """So many files at a time: for those that wait most of the time, or use one core alone."""
    environment: str = ""

    def commands(self) -> list[list[str]]:
        """Return what the stage runs."""
        if self.modules:
            return [[sys.executable, "-m", module] for module in self.modules]
        if not self.pytest and not self.real:
            return _lint()
        words = self.pytest or (*self.real, "-m", REAL)
        if self.workers > 1:
            words = (*words, "-n", str(self.workers), "--dist", "loadfile")
            # As they are listed: what takes longest begins first.
            words = (*words, "--no-loadscope-reorder")
        python = str(environments.python(self.environment)) if self.environment else sys.executable
        return [[python, "-m", "pytest", "-q", *words]]


def stages() -> tuple[Stage, ...]:
    """Return ci/stages.toml."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["stage"]
    return tuple(
        Stage(
            row["name"],
            row.get("quick", False),
            row.get("long", False),
            tuple(row.get("pytest", ())),
            tuple(row.get("real", ())),
            tuple(row.get("modules", ())),
            tuple(row.get("evidence", ())),
            row.get("workers", 1),
            row.get("environment", ""),
        )
        for row in rows
    )


def run(*, quick: bool, stage: str) -> None:
    """Run the stages; raise CheckFailedError naming those that failed."""
    every = stages()
    named = [s for s in every if (s.name == stage if stage else not s.long)]
    chosen = [s for s in named if s.quick or not quick]
    if not chosen:
        known = ", ".join(s.name for s in every)
        raise BadInputError(f"no stage {stage!r} here", f"choose one of {known}")
    failed = []
    times = []
    for one in chosen:
        print(f"--- {one.name}", flush=True)
        started = time.monotonic()
        codes = [_run(words) for words in one.commands()]
        took = time.monotonic() - started
        times.append(f"{one.name} {took:.0f} s")
        print(f"--- {times[-1]}", flush=True)
        if any(codes):
            failed.append(one.name)
            if one.evidence:
                _run(one.evidence)
    print(f"--- {', '.join(times)}", flush=True)
    if failed:
        raise CheckFailedError(f"failed: {', '.join(failed)}")


def _lint() -> list[list[str]]:
    here = str(Path(sys.executable).parent)
    commands = [
        [f"{here}/ruff", "check", "--quiet", "."],
        [f"{here}/ruff", "format", "--quiet", "--check", "."],
        [f"{here}/mypy"],
        [sys.executable, "-m", "jetson_kit.data_update.check"],
    ]
    commands += [
        [f"{here}/check-jsonschema", "--quiet", "--builtin-schema", f"vendor.{schema}", file]
        for schema, file in WORKFLOWS
    ]
    # PyPI has these two for x86_64 alone.
    for tool, files in (("shellcheck", SCRIPTS), ("hadolint", ("docker/Dockerfile",))):
        if Path(here, tool).exists():
            commands.append([f"{here}/{tool}", *files])
    return commands


def _run(words: Sequence[str]) -> int:
    here = Path(sys.executable).parent
    return subprocess.run(
        words,
        cwd=ROOT,
        check=False,
        # Other environments' tests find uv, which stands in this one.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{here}:{os.environ['PATH']}"},
    ).returncode
