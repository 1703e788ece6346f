"""Releases for a board without a machine: times, keys, and what this machine is."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release import terms as release_terms
from jetson_kit.fleet.release.release import Release
from tests.support.here import not_here_if

NOW = datetime.datetime.now(datetime.UTC)
JETSON = not_here_if(Path("/etc/nv_tegra_release").exists(), "this is a Jetson")
Make = Callable[..., Release]
"""What the fixture `make` is: a release that says other things, signed by these keys."""


def day(days: int) -> str:
    """Return a time so many days from now, as releases have it."""
    return (NOW + datetime.timedelta(days=days)).strftime(release_terms.FORMAT)


def key(folder: Path, name: str) -> Path:
    signing.make_key(folder / name, name, passphrase=False)
    return folder / name


def public(path: Path) -> str:
    return str(path) + ".pub"
