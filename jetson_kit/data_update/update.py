"""Looks for newer versions, and writes what follows from taking them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jetson_kit.ansible_driver import collections
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.core.run import run as run_program
from jetson_kit.data_update import changes as staging
from jetson_kit.data_update import check, debian_packages, lean, lock_files, mediapipe, tools
from jetson_kit.data_update.changes import Changes
from jetson_kit.data_update.releases import PACKAGE
from jetson_kit.data_update.request import Request, parse
from jetson_kit.wheels import shim


def run(requirements: list[str], *, dry_run: bool = False) -> Changes:
    """Take newer versions, of all packages or of those named; with `dry_run` only look.

    Nothing is written unless all of it could be made. Raises BadInputError for an unknown package,
    NetworkError, IntegrityError, ToolMissingError, StepFailedError.
    """
    request = parse(requirements)
    _known(request)
    with staging.one_at_a_time():
        if not dry_run:
            for name in staging.resume():
                print(f"put in place, left from a run that was cut off: {name}")
        changes = Changes()
        mediapipe.update(changes, request)
        tools.update_uv(changes, request)
        tools.update_shim(changes, request)
        tools.update_collections(changes, request)
        lean.update(changes, request)
        tools.update_vision(changes)
        lock_files.update_requirements(changes, request)
        lock_files.update_classes(changes, request)
        debian_packages.update(changes, request)
        if not dry_run:
            changes.commit()
            derive()
    return changes


def derive() -> tuple[str, ...]:
    """Renew what derives from the tables as they are now on disk; return what was written.

    In a process of its own: this one has read the tables before they were changed.
    """
    text = run_program(
        [sys.executable, "-m", "jetson_kit.data_update.derived", "--write"],
        what="renewing what derives from the tables",
        cwd=ROOT,
    )
    return tuple(text.splitlines())


def _known(request: Request) -> None:
    known = {
        *lock_files.names_in_locks(),
        *(
            direct_requirement.name
            for lock in lock_files.pythons()
            for direct_requirement in lock_files.directs(lock)
        ),
        *lean.PACKAGES,
        PACKAGE,
        debian_packages.PACKAGE,
        shim.compiler_package(),
        collections.load().package,
    }
    for name in request.names:
        if name not in known:
            raise BadInputError(
                f"no table has a package {name!r}",
                "name one that ./inv data.update --dry-run shows",
            )


def checked() -> list[str]:
    """Return the problems of the tables as they are now on disk, found in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", check.__name__],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or done.stderr:
        raise StepFailedError(f"checking the tables failed: {done.stderr.strip()[-300:]}")
    return done.stdout.splitlines() if done.returncode else []


def shown(path: Path) -> str:
    """Return a path as it is shown."""
    return str(path.relative_to(ROOT))
