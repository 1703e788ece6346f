#!/usr/bin/python3 -ESs
"""Puts the CSV files' entries into a container's config.json, as NVIDIA's runtime does on a Jetson.

NVIDIA_VISIBLE_DEVICES unset, empty or void: none of them. none: all but the device nodes. Any
other value: all. Files other than l4t.csv, devices.csv and drivers.csv count only with
NVIDIA_REQUIRE_JETPACK=csv-mounts=all. What a line names and is not there is left out, and logged.
Whatever is asked for, the container is told that the device is emulated.
"""

import glob
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

NOTE = "nvidia-container-runtime: a stand-in of MediaPipe Jetson Kit before runc"
CSV = Path("/etc/nvidia-container-runtime/host-files-for-container.d")
BASE = ("l4t.csv", "devices.csv", "drivers.csv")
MARKER = "/etc/mediapipe-jetson/emulated"
VARIABLE = "MEDIAPIPE_JETSON_EMULATED"
LOG = Path("/var/log/nvidia-container-runtime.log")
READ_ONLY = ["rbind", "rprivate", "ro", "nosuid", "nodev"]


def log(text: str) -> None:
    """Append to the log, which begins with a note that this is a stand-in."""
    try:
        head = "" if LOG.exists() else f"{NOTE}\n"
        with LOG.open("a") as out:
            out.write(f"{head}{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n")
    except OSError:
        return  # a full disk must not keep a container from starting


def bundle(arguments: list[str]) -> Path:
    """Return the folder of `create --bundle FOLDER ID`; without the option it is this one."""
    for at, argument in enumerate(arguments):
        if argument in ("--bundle", "-b") and at + 1 < len(arguments):
            return Path(arguments[at + 1])
        for start in ("--bundle=", "-b="):
            if argument.startswith(start):
                return Path(argument.removeprefix(start))
    return Path()


def entries(everything: bool) -> list[tuple[str, str]]:
    """Return the kinds and paths of the CSV files' lines, patterns resolved."""
    rows = []
    for file in sorted(CSV.glob("*.csv")):
        if not everything and file.name not in BASE:
            continue
        for line in file.read_text().splitlines():
            kind, _, path = (part.strip() for part in line.partition(","))
            if not path or kind.startswith("#"):
                continue
            paths = sorted(glob.glob(path))  # noqa: PTH207 # absolute
            if not paths:
                log(f"{file.name}: {path} is not there")
            rows += [(kind, match) for match in paths]
    return list(dict.fromkeys(rows))


def device(spec: dict[str, Any], path: str) -> None:
    """Give the container a node with the owner, group and mode that it has here."""
    status = Path(path).stat()
    if not stat.S_ISCHR(status.st_mode):
        log(f"{path} is no character device")
        return
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    linux = spec.setdefault("linux", {})
    linux.setdefault("devices", []).append(
        {
            "path": path,
            "type": "c",
            "major": major,
            "minor": minor,
            "fileMode": stat.S_IMODE(status.st_mode),
            "uid": status.st_uid,
            "gid": status.st_gid,
        }
    )
    linux.setdefault("resources", {}).setdefault("devices", []).append(
        {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
    )


def bind(spec: dict[str, Any], path: str) -> None:
    """Mount a file or a folder at its own place, read-only."""
    spec.setdefault("mounts", []).append(
        {"destination": path, "type": "bind", "source": path, "options": READ_ONLY}
    )


def links(root: Path, paths: list[str]) -> None:
    """Make links as they are here, by a child that can't reach beyond the container's root."""
    symlinks = [(path, str(Path(path).readlink())) for path in paths if Path(path).is_symlink()]
    if not symlinks:
        return
    child = os.fork()
    if child:
        if os.waitpid(child, 0)[1]:
            log("some links could not be made")
        return
    failed = 0
    os.chroot(root)
    os.chdir("/")
    for path, target in symlinks:
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).unlink(missing_ok=True)
            Path(path).symlink_to(target)
        except OSError:
            failed = 1
    os._exit(failed)


def inject(spec: dict[str, Any], folder: Path) -> None:
    """Change the document as the container's environment asks."""
    process = spec.setdefault("process", {})
    environment = [word for word in process.get("env", []) if not word.startswith(f"{VARIABLE}=")]
    known = dict(word.partition("=")[::2] for word in environment)
    visible_devices = known.get("NVIDIA_VISIBLE_DEVICES", "")
    if visible_devices not in ("", "void"):
        rows = entries(known.get("NVIDIA_REQUIRE_JETPACK") == "csv-mounts=all")
        for kind, path in rows:
            if kind == "dev" and visible_devices != "none":
                device(spec, path)
            elif kind in ("lib", "dir"):
                bind(spec, path)
        root = Path(spec["root"]["path"])
        links(root if root.is_absolute() else folder / root, [p for k, p in rows if k == "sym"])
    if Path(MARKER).exists():
        bind(spec, MARKER)
    process["env"] = [*environment, f"{VARIABLE}=1"]


def main(arguments: list[str]) -> int:
    """Change the bundle's config.json in place, whole or not at all."""
    folder = bundle(arguments)
    config = folder / "config.json"
    try:
        spec = json.loads(config.read_text())
        inject(spec, folder)
        aside = config.with_name("config.json.aside")
        aside.write_text(json.dumps(spec))
        aside.replace(config)
    except (OSError, ValueError, KeyError) as error:
        log(f"{config}: {type(error).__name__}: {error}")
        print(f"{NOTE}: {config}: {error}", file=sys.stderr)
        return 1
    log(f"{arguments[-1]}: injected")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
