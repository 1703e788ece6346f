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
# What Debian's installer gives a server beside that: an init, a network, a way in.
SERVER = ("systemd-sysv", "udev", "kmod", "dbus", "iproute2", "openssh-server", "sudo")
# Seconds: a root is made anew after a week, with the packages of that day.
FRESH_S = 7 * 86400.0
# The packages' scripts run under emulation where the root is of another architecture.
TIMEOUT_S = 1800.0


def tar(suite: str, arch: str = "") -> Path:
    """Return the tar of a bare root of `suite`, at most a week old.

    With `arch`, "arm64" or "amd64", it is one for a machine of its own, with an init and ssh.

    Raises ToolMissingError without mmdebstrap, NetworkError, DiskFullError, StepFailedError.
    """
    if shutil.which("mmdebstrap") is None:
        raise ToolMissingError("bare machines need mmdebstrap", "apt-get install mmdebstrap")
    sources, options = host.apt_sources(suite), host.apt_options()
    included = (*INCLUDED, *SERVER) if arch else INCLUDED
    key = "\n".join([*included, *sources, *options, *(p.name for p in host.authorities())])
    name = (
        f"{'-'.join(filter(None, (suite, arch)))}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    )
    path = cache_dir("machines") / f"{name}.tar"
    with locked(cache_dir("locks") / f"machine-{name}.lock", lambda: None):
        if not cached_files.intact(path) or time.time() - path.stat().st_mtime > FRESH_S:
            with cached_files.create(path) as aside:
                _make(suite, arch, included, aside)
    return path


def _make(suite: str, arch: str, included: tuple[str, ...], out: Path) -> None:
    trusted = host.authorities()
    # A machine of its own gets its device nodes from its kernel.
    own = [f"--architectures={arch}", "--skip=output/dev"] if arch else []
    run(
        [
            *host.apart(),
            *("mmdebstrap", "--quiet", "--variant=minbase", "--format=tar"),
            *own,
            *(f"--include={name}" for name in included),
            *(f"--aptopt={option}" for option in host.apt_options()),
            *(
                f"--customize-hook=copy-in {path} /usr/local/share/ca-certificates"
                for path in trusted
            ),
            *(['--customize-hook=chroot "$1" update-ca-certificates'] if trusted else []),
            suite,
            out,
            *host.apt_sources(suite),
        ],
        what=f"making a bare root of {suite}",
        timeout_s=TIMEOUT_S,
    )
