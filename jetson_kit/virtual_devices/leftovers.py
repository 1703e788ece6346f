"""All that is on this machine of one state folder: what devices that are gone may not leave."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from jetson_kit.core.run import run

PROC = Path("/proc")
TAPS = Path("/sys/class/net")
# Where the control groups of containers lie: version 2, and 1.
GROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory"))
# What stays in a state folder without devices.
KEPT = frozenset({".lock", "inventory.yml"})


def find(folder: Path, state_id: str) -> frozenset[str]:
    """Return what there is of the state `folder` that is marked `state_id` in the Docker Engine.

    Containers, volumes, networks, control groups, processes (by a word, a working folder or an
    open file), mounts, loop devices, taps and files. Raises StepFailedError.
    """
    place = str(folder.resolve())
    return frozenset(
        [
            *_engine(f"label=io.mediapipe-jetson.state={state_id}"),
            *(f"process {row}" for row in _processes(place)),
            *(f"mount {row}" for row in _lines(PROC / "self/mounts") if place in row),
            *(f"loop device {row}" for row in _loops() if place in row),
            *(f"tap {tap.parent.name}" for tap in TAPS.glob("*/tun_flags")),
            *(f"file {entry.name}" for entry in folder.iterdir() if entry.name not in KEPT),
        ]
    )


def _engine(mark: str) -> list[str]:
    if not shutil.which("docker"):
        return []
    rows = []
    for what in ("container", "volume", "network"):
        every = ["--all", "--no-trunc"] if what == "container" else []
        requested = ["docker", what, "ls", *every, "--quiet", "--filter", mark]
        rows += [(what, part) for part in run(requested, what=f"listing each {what}").split()]
    ids = [item for what, item in rows if what == "container"]
    groups = [
        f"control group {path}"
        for item in ids
        for top in GROUPS
        for path in (*top.glob(f"docker/{item}"), *top.glob(f"*/docker-{item}.scope"))
    ]
    return [f"{what} {item}" for what, item in rows] + groups


def _loops() -> list[str]:
    if not shutil.which("losetup"):
        return []
    return run(["losetup", "--list", "--noheadings"], what="listing loop devices").splitlines()


def _processes(place: str) -> list[str]:
    rows = []
    for entry in PROC.glob("[0-9]*"):
        # A process may end, or be another user's, while it is looked at.
        with contextlib.suppress(OSError):
            command_line = (
                (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
            held = [str(link.readlink()) for link in (entry / "cwd", *(entry / "fd").iterdir())]
            if place in command_line or any(name.startswith(place) for name in held):
                rows.append(f"{entry.name} {command_line.strip()[:200]}")
    return rows


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
