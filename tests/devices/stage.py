"""A face put on this very machine, in a mount namespace that ends with the script run in it."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from jetson_kit.virtual_devices import board_profile, board_rows
from tests.support.here import cannot_run_here

# Overlays take what is written; /dev and /run are new, so that nothing reaches the machine's own.
STAGE = """\
set -eu
mount -t tmpfs stage "$STAGE"
for folder in etc usr var opt; do
  mkdir -p "$STAGE/upper/$folder" "$STAGE/beside/$folder"
  if [ -d "$FACE/$folder" ]; then cp -a "$FACE/$folder/." "$STAGE/upper/$folder/"; fi
  mount -t overlay stage "/$folder" \\
    -o "lowerdir=/$folder,upperdir=$STAGE/upper/$folder,workdir=$STAGE/beside/$folder"
done
mount -t tmpfs run /run
mkdir -p "$STAGE/dev/pts" "$STAGE/dev/shm"
for name in null zero full random urandom tty; do
  : >"$STAGE/dev/$name"
  mount --bind "/dev/$name" "$STAGE/dev/$name"
done
mount --rbind "$STAGE/dev" /dev
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""
BOOT = f"{board_rows.load()['folder']}/face >/dev/null\n"


def put(root: Path, profile: board_profile.BoardProfile) -> Path:
    """Write a face's files below a folder and return it."""
    seen = set()
    for file in profile.files:
        path = root / file.path.lstrip("/")
        if path in seen:
            continue
        seen.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.link:
            path.symlink_to(file.link)
        else:
            path.write_bytes(file.content)
            path.chmod(file.mode)
    return root


@cache
def problem() -> str:
    """Return why no stage can be set here, or an empty string."""
    if os.geteuid():
        return "a mount namespace needs root"
    tried = "mkdir -p /run/stage && mount -t tmpfs x /run/stage && mkdir /run/stage/u /run/stage/w"
    overlay = "mount -t overlay x /opt -o lowerdir=/opt,upperdir=/run/stage/u,workdir=/run/stage/w"
    command = ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs r /run && {tried} && {overlay}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"no overlay can be mounted here: {done.stderr}" if done.returncode else ""


def on_stage(
    folder: Path, profile: board_profile.BoardProfile, script: str, *, timeout_s: float = 120
) -> str:
    """Run an sh script where the face is put on and its boot script has run; return its output."""
    if problem():
        cannot_run_here(problem())
    root, stage = folder / "face", folder / "stage"
    if not root.exists():
        put(root, profile)
    stage.mkdir(exist_ok=True)
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-s"],
        input=f"{STAGE}{BOOT}{script}",
        env={"FACE": str(root), "STAGE": str(stage), "PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
