"""uv's resolver for an application: wheels only, nothing of a package is run."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jetson_kit.core import uv, uv_settings
from jetson_kit.core.paths import cache_dir


def compile_file(
    source: Path,
    platform: str,
    python: str,
    options: Sequence[str],
    constraints: Sequence[str],
    *,
    keep: str | None = None,
    what: str = "",
) -> str:
    """Return the hash-pinned lock of a requirements file; `options` are lines that name places.

    Versions in the lock `keep` stay where they fit. Raises NoSolutionError, NetworkError,
    StepFailedError.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-lock-") as aside:
        lock, limits = Path(aside, "lock.txt"), Path(aside, "image.txt")
        limits.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        if keep:
            lock.write_text(keep, encoding="utf-8")
        uv.uv(
            [
                *("pip", "compile", source, _places(aside, options), "--quiet"),
                *"--generate-hashes --only-binary :all: --no-header --no-annotate".split(),
                *"--no-emit-index-url --no-emit-find-links".split(),
                *("--python-platform", platform, "--python-version", python),
                *("--constraints", limits, "--output-file", lock),
            ],
            what=what or f"{source.name} for {platform}, Python {python}",
        )
        return lock.read_text(encoding="utf-8")


def compile_lines(
    requirements: Iterable[str],
    platform: str,
    python: str,
    options: Sequence[str],
    constraints: Sequence[str],
    what: str,
) -> str:
    """Return the lock of requirements given as lines, as `compile_file`."""
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-lock-") as aside:
        listed = Path(aside, "requirements.txt")
        listed.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        return compile_file(listed, platform, python, options, constraints, what=what)


def source_row(
    name: str, requirements: Sequence[str], python: str, options: Sequence[str]
) -> dict[str, Any]:
    """Return the newest release of a package that `requirements` allow, as pylock.toml has it.

    uv is told that the package has no dependencies, so that it need not build anything to know
    them. Raises NoSolutionError, NetworkError, StepFailedError, BadInputError.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-lock-") as aside:
        settings, listed = Path(aside, "uv.toml"), Path(aside, "requirements.txt")
        settings.touch(0o600)
        own = uv_settings.text(os.environ)  # which a file that is named replaces
        settings.write_text(
            f'{own}\n[[dependency-metadata]]\nname = "{name}"\nrequires-dist = []\n',
            encoding="utf-8",
        )
        listed.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        text = uv.uv(
            [
                *("pip", "compile", listed, _places(aside, options), "--config-file", settings),
                *"--no-deps --universal --quiet --format pylock.toml --no-header".split(),
                *("--python-version", python),
            ],
            what=f"looking for the source of {name}",
        )
    rows: list[dict[str, Any]] = tomllib.loads(text).get("packages", [])
    return rows[0] if rows else {}


def _places(folder: str, options: Sequence[str]) -> Path:
    path = Path(folder, "places.txt")
    # In a file: a line may hold a password.
    path.touch(0o600)
    path.write_text("".join(f"{line}\n" for line in options), encoding="utf-8")
    return path
