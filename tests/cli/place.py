"""The place where a fuzzed command line runs: folders that are compared before and after."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from pathlib import Path

# Other programs' own, which they make wherever a user runs them.
CACHES = ("home/.cache", "home/.ansible")
# What no command line here may start or install: daemons, machines, packages.
WITHOUT = ("docker-registry", "dockerd", "sudo", "apt-get", "chromium", "chromedriver")
HOSTS = """\
all:
  vars: {mediapipe_expect: cpu}
  children:
    cameras:
      hosts:
        camera-1: {ansible_host: 192.0.2.1}
        camera-2: {ansible_host: 192.0.2.2, ansible_user: jetson}
"""
FILES = {
    "hosts.yml": HOSTS,
    "hosts.ini": "[cameras]\ncamera-1 ansible_host=192.0.2.1\n",
    "inventory/hosts.yml": HOSTS,
    "inventory/group_vars/all.yml": "mediapipe_expect: gpu\n",
    "bad.yml": "all: {hosts: [\n",
    "list.yml": "- 1\n- 2\n",
    "plan.toml": 'canary = 1\nbatches = ["50%"]\n',
    "bad.toml": "canary = {\n",
    "wrong.toml": "canary = -1\nbatches = []\n",
    "report.json": '{"schema": "mediapipe-jetson/verify/1"}',
    "array.json": "[]",
    "deep.json": "[" * 5000,
    "text.txt": "hello\n",
    "empty": "",
    "model.tflite": "TFL3" * 100,
    "model.task": "PK\x03\x04",
    "a-1.0-py3-none-any.whl": "PK\x03\x04 broken",
    "build/manifest.json": "{}",
    "broken/manifest.json": "[1, 2",
    "project/requirements.txt": "mediapipe==0.10.9\n",
    "project/app.py": "import mediapipe as mp\nmp.solutions.face_mesh.FaceMesh()\n",
    "reports/a.json": "{}",
    "key": "no key\n",
    "key.pub": "no key\n",
}


def make(home: Path) -> dict[str, str]:
    """Make the place below `home`; return the environment of what runs there."""
    for name in ("cwd", "state", "cache", "tmp", "home", "bin"):
        (home / name).mkdir(parents=True)
    folder = home / "cwd"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    os.mkfifo(folder / "fifo")
    (folder / "fifos").mkdir()
    for name in ("manifest.json", "hosts.yml", "requirements.txt", "a.json"):
        os.mkfifo(folder / "fifos" / name)
    (folder / "zeros").mkdir()
    for name in ("manifest.json", "hosts.yml", "requirements.txt", "a.json"):
        (folder / "zeros" / name).symlink_to("/dev/zero")
    (folder / "loop").symlink_to("loop")
    (folder / "nothing").symlink_to("gone")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "binary").write_bytes(bytes(range(256)) * 16)
    for odd in (b"odd\nname", b"bytes\xff.yml", b"-dash", b"sp ace.json", b"n" * 250):
        (folder / os.fsdecode(odd)).write_text(HOSTS)
    with (folder / "large").open("wb") as stream:
        stream.truncate(20 << 30)
    here = Path.cwd()
    try:
        os.chdir(folder)  # a socket's path may be short alone
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket")
    finally:
        os.chdir(here)
    for program in (Path("/usr/bin"), Path("/bin")):
        for entry in program.iterdir():
            if entry.name not in WITHOUT and not (home / "bin" / entry.name).is_symlink():
                (home / "bin" / entry.name).symlink_to(entry)
    (home / "bin" / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    return {
        "PATH": str(home / "bin"),
        "HOME": str(home / "home"),
        "TMPDIR": str(home / "tmp"),
        "KIT_STATE": str(home / "state"),
        "KIT_CACHE": str(home / "cache"),
        "XDG_RUNTIME_DIR": str(home / "home"),
        "DOCKER_HOST": f"unix://{home}/none.sock",
        "INV_NO_INSTALL": "1",
        "UV_HTTP_RETRIES": "0",
        "LC_ALL": "C.UTF-8",
        **{f"{item}_proxy": "http://127.0.0.1:9" for item in ("http", "https", "all")},
    }


def snapshot(home: Path) -> dict[str, str]:
    """Return what is in the folders: each path with its kind, size and time; not the cache."""
    result = {}
    for name in ("cwd", "state", "tmp", "home"):
        for path in (home / name).rglob("*"):
            if str(path.relative_to(home)).startswith(CACHES):
                continue
            status = path.lstat()
            kind = stat.filemode(status.st_mode)
            whole = stat.S_ISREG(status.st_mode)
            what = f"{kind} {status.st_size} {status.st_mtime_ns}" if whole else kind
            result[os.fsencode(path.relative_to(home)).decode("utf-8", "backslashreplace")] = what
    return result


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return what came, went or changed."""
    return sorted(name for name in before.keys() | after.keys()
                  if before.get(name) != after.get(name))  # fmt: skip


def renew(home: Path) -> dict[str, str]:
    """Make the place anew, after something was changed in it."""
    shutil.rmtree(home)
    return make(home)
