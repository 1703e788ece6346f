"""Root file systems of bare machines: a minimal Debian with git and certificates, by mmdebstrap."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

from bench.machines import host
from jetson_kit.core import cached_files
from jetson_kit.core.errors import ToolMissingError
from jetson_kit.core.files import locked
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.run import run

INCLUDED = ("git", "ca-certificates")
# Seconds: a root is made anew after a week, with the packages of that day.
FRESH_S = 7 * 86400.0
TIMEOUT_S = 600.0


def tar(suite: str) -> Path:
    """Return the tar of a bare root of `suite`, at most a week old.

    Raises ToolMissingError without mmdebstrap, NetworkError, DiskFullError, StepFailedError.
    """
    if shutil.which("mmdebstrap") is None:
        raise ToolMissingError("bare machines need mmdebstrap", "apt-get install mmdebstrap")
    sources, options = host.apt_sources(suite), host.apt_options()
    key = "\n".join([*INCLUDED, *sources, *options, *(p.name for p in host.authorities())])
    name = f"{suite}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    path = cache_dir("machines") / f"{name}.tar"
    with locked(cache_dir("locks") / f"machine-{name}.lock", lambda: None):
        if not cached_files.intact(path) or time.time() - path.stat().st_mtime > FRESH_S:
            with cached_files.made(path) as aside:
                _make(suite, aside, sources, options)
    return path


def _make(suite: str, out: Path, sources: list[str], options: list[str]) -> None:
    trusted = host.authorities()
    run(
        [
            *host.apart(),
            *("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar"),
            *(f"--include={name}" for name in INCLUDED),
            *(f"--aptopt={option}" for option in options),
            *(
                f"--customize-hook=copy-in {path} /usr/local/share/ca-certificates"
                for path in trusted
            ),
            *(['--customize-hook=chroot "$1" update-ca-certificates'] if trusted else []),
            suite,
            out,
            *sources,
        ],
        what=f"making a bare root of {suite}",
        timeout_s=TIMEOUT_S,
    )
