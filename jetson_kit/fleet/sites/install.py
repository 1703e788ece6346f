"""Brings a site to a version of the kit: unpacked beside the others, checked, then switched to.

It runs on a bare machine: the standard library of Python 3.8 or later alone. The archive holds the
kit's files, the wheels of its environment and their lock; nothing is fetched.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

if __package__:
    from jetson_kit.fleet.sites.tied_child import tie
else:
    # In a site's archive it stands beside this file.
    from tied_child import tie  # type: ignore[import-not-found,no-redef]

FACTS = "kit.json"
WHEELS, LOCK = ".wheels", "site.txt"
DEVICE_SIDE = "wheels/mediapipe-jetson/src"
COMPLETE = ".complete"
KITS, CURRENT = "kits", "current"
# The current one and the one before.
KEPT = 2
LIMIT_S = 900
# Of jetson_kit/core/errors.py, which is not here yet.
BAD_INPUT, INTEGRITY, DISK_FULL, STEP_FAILED = 2, 5, 6, 7
PROBE = "import jetson_kit.fleet.sites.at_site, jetson_kit.fleet.sites.site_work"


class InstallError(Exception):
    """What is wrong, what to do, and the exit code."""

    def __init__(self, message: str, hint: str = "", code: int = STEP_FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def install(archive: Path, sha256: str, root: Path) -> Path:
    """Return the folder of the kit in `archive`, which is what `root`/current leads to from now on.

    Raises InstallError; what was current stays so then.
    """
    if _sha256(archive) != sha256:
        raise InstallError(f"{archive} is damaged", "bring it again", INTEGRITY)
    folder = root / KITS / sha256[:16]
    try:
        # The marker is written last: what was cut off is made again.
        if not (folder / COMPLETE).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _unpack(archive, folder)
            _environment(folder)
            (folder / COMPLETE).write_text(sha256, encoding="ascii")
        _switch(folder, root)
        _forget(folder, root)
    except (tarfile.TarError, zipfile.BadZipFile, ValueError, LookupError) as error:
        raise InstallError(f"{archive} is no kit: {error}", "bring it again", INTEGRITY) from error
    except OSError as error:
        code = DISK_FULL if error.errno in (28, 122) else STEP_FAILED
        raise InstallError(f"{folder} can't be made: {error.strerror}", "", code) from error
    return folder


def current(root: Path) -> str:
    """Return the hash of the archive of the current kit, "" where there is none."""
    try:
        return (root / CURRENT / COMPLETE).read_text(encoding="ascii")
    except OSError:
        return ""


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        if any(name.startswith("/") or ".." in name.split("/") for name in names):
            raise InstallError(f"{archive} leads out of its folder", "do not use it", INTEGRITY)
        if any(not (member.isfile() or member.isdir()) for member in tar.getmembers()):
            raise InstallError(f"{archive} has other than files", "do not use it", INTEGRITY)
        # Python 3.12 and later warn without a filter; 3.8 has none.
        how = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(folder, **how)  # type: ignore[arg-type] # noqa: S202 # names are checked
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    for name, sha256 in facts["files"].items():
        if _sha256(folder / name) != sha256:
            raise InstallError(f"{name} of the kit is damaged", "bring it again", INTEGRITY)
    own = "{}.{}".format(*sys.version_info)
    if facts["python"] != own or facts["machine"] != os.uname().machine:
        raise InstallError(
            f"the kit is for Python {facts['python']} on {facts['machine']}, "
            f"this is {own} on {os.uname().machine}",
            "correct arch and python of the site, and make its archive again",
            BAD_INPUT,
        )


def _environment(folder: Path) -> None:
    """Make the kit's environment of its own wheels, without any index."""
    wheel = min((folder / WHEELS).glob("uv-*.whl"))
    tool = folder / ".uv"
    with zipfile.ZipFile(wheel) as packed:
        name = min(item for item in packed.namelist() if item.endswith("/scripts/uv"))
        tool.write_bytes(packed.read(name))
    tool.chmod(0o755)
    base = [str(tool), "--quiet", "--offline", "--no-config", "--cache-dir", str(folder / ".uvc")]
    venv = folder / ".venv"
    python = getattr(sys, "_base_executable", sys.executable)
    try:
        _run([*base, "venv", "--python", python, str(venv)])
        _run([*base, "pip", "install", "--python", str(venv / "bin" / "python"), "--no-index",
              "--find-links", str(folder / WHEELS), "--require-hashes",
              "--requirement", str(folder / LOCK)])  # fmt: skip
        for site in venv.glob("lib/python3*/site-packages"):
            # As in ci/setup.sh.
            (site / "mediapipe-jetson.pth").write_text(f"{folder / DEVICE_SIDE}\n", "utf-8")
        _run([str(venv / "bin" / "python"), "-c", PROBE], folder)
    finally:
        tool.unlink(missing_ok=True)
        shutil.rmtree(folder / ".uvc", ignore_errors=True)
    shutil.rmtree(folder / WHEELS)


def _run(command: list[str], where: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=where,
            errors="replace", timeout=LIMIT_S, check=False,
            preexec_fn=tie(),  # no threads here
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"the kit's environment is not made after {LIMIT_S} s") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        code = DISK_FULL if "No space left" in done.stderr else STEP_FAILED
        raise InstallError(f"the kit's environment can't be made: {last}", "", code)


def _switch(folder: Path, root: Path) -> None:
    aside = root / f".{CURRENT}"
    aside.unlink(missing_ok=True)
    aside.symlink_to(Path(KITS, folder.name))
    aside.replace(root / CURRENT)


def _forget(folder: Path, root: Path) -> None:
    os.utime(folder)
    others = sorted((root / KITS).iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _sha256(path: Path) -> str:
    # hashlib.file_digest came with Python 3.11.
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


if __name__ == "__main__":
    try:
        print(install(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
    except InstallError as failed:
        print(f"error: {failed.message}" + f"; {failed.hint}" * bool(failed.hint), file=sys.stderr)
        sys.exit(failed.code)
