"""A machine that is not there: a PATH of fakes that record their calls, and its own /etc."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from jetson_kit.core.paths import ROOT

# Real programs that the scripts use to think; all that changes a machine is fake.
REAL = """awk cat chmod cmp cp cut date df dirname env find flock grep head mkdir mktemp mv paste
printenv readlink rm sed setsid sh sleep sort tail touch tr true""".split()
FAKE = """apt-get dpkg dpkg-deb dpkg-query sudo usermod mount umount update-binfmts chown id uname
systemctl sg""".split()
# What a package brings, so that a set-up machine has what it asked for.
BRINGS = {
    "python3": "python3",
    "python3.11": "python3.11",
    "rsync": "rsync",
    "openssh-client": "ssh ssh-keygen",
    "docker.io": "dockerd docker",
    "docker-cli": "docker",
    "qemu-user-static": "qemu-aarch64-static",
    "qemu-user": "qemu-aarch64",
    "binfmt-support": "update-binfmts",
    "util-linux-extra": "sg",
}
EVERYTHING = "python3.11 dockerd docker qemu-aarch64-static".split()
RECORD = '#!/bin/sh\nname=${0##*/}\necho "$name $*" >>"$CALLS"\n'
PYTHON = """case "$1 $2" in
  "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  "-m pip") printf '#!/bin/sh\\necho "uv $*" >>"$CALLS"; eval "${UV_DOES:-}"\\n' >"${0%/*}/uv"
    chmod +x "${0%/*}/uv" ;;
  "-P -m") [ "$3" = jetson_kit.core.uv_environment ] && shift 3 && exec "$@" ;;
  *"/tasks.py "*) pwd; for word in "$@"; do echo "<$word>"; done ;;
esac
eval "${INTERPRETER_DOES:-}"
"""
DOCKER = """case "$1" in
  buildx) [ -e "$FILES/buildx" ] ;;
  version) [ -e "$FILES/engine" ] ;;
esac
"""


@dataclass
class Machine:
    """A fake machine with a checkout of the scripts in it."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in (self.bin, self.system / "etc", self.files, self.checkout / "ci"):
            folder.mkdir(parents=True)
        for name in REAL:
            program = shutil.which(name)
            assert program, f"this machine has no {name}"
            (self.bin / name).symlink_to(program)
        for name in FAKE:
            self.program(name)
        shutil.copy(ROOT / "inv", self.checkout)
        for script in (
            *(ROOT / "ci").glob("*.sh"),
            ROOT / "ci" / "needs.table",
            ROOT / "ci" / "stages.toml",
        ):
            shutil.copy(script, self.checkout / "ci")
        shutil.copytree(ROOT / "requirements", self.checkout / "requirements")
        self.is_a("debian", "12")
        self.user("root")
        brings = "".join(f"{p}) for p in {n}; do make $p; done ;;\n" for p, n in BRINGS.items())
        # apt-get makes programs appear; so does dpkg -i with buildx.
        self.program(
            "apt-get",
            'make() { cp "$FILES/$1" "$BIN/$1"; }\n'
            f'case "$*" in *install*) for p in "$@"; do case $p in\n{brings}'
            'docker-buildx) touch "$FILES/buildx" ;;\nesac; done ;;\n'
            '*indextargets*) echo "http://archive.invalid/debian bookworm Packages" ;;\n'
            '*download*) cat "$APT_CONFIG" >>"$CALLS"; touch docker-buildx_1_amd64.deb ;;\nesac\n'
            'eval "${APT_DOES:-}"\n',
        )
        self.program(
            "dpkg", 'case $1 in -i) touch "$FILES/buildx" ;; esac\neval "${DPKG_DOES:-}"\n'
        )
        self.program("dpkg-query", "exit 1\n")
        self.program(
            "sudo", 'while :; do case "$1" in -n|-v|--) shift ;; *) break ;; esac; done\n"$@"\n'
        )
        for names in BRINGS.values():
            for name in names.split():
                does = {"python": PYTHON, "docker": DOCKER}.get(name.rstrip(".0123456789"), "")
                self.program(name, does, self.files)

    @property
    def bin(self) -> Path:
        """The only folder on PATH."""
        return self.home / "bin"

    @property
    def files(self) -> Path:
        """Programs not installed yet, and marks: `buildx` is installed, `engine` answers."""
        return self.home / "files"

    @property
    def system(self) -> Path:
        """What the scripts take for the root of the file system."""
        return self.home / "system"

    @property
    def checkout(self) -> Path:
        """The project; its path has a space."""
        return self.home / "my kit"

    @property
    def calls(self) -> list[str]:
        """What the fakes that change things were called with."""
        log = self.home / "calls"
        seen = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        asking = (
            "id ",
            "uname ",
            "docker ",
            "dpkg-query ",
            "dpkg --audit",
            "uv --version",
            "python",
        )
        return [line for line in seen if not line.startswith(asking) or " -m " in line]

    def program(self, name: str, does: str = "", folder: Path | None = None) -> Path:
        """Put a fake that records its call and then does `does` into `folder` (PATH's)."""
        path = (folder or self.bin) / name
        path.unlink(missing_ok=True)  # never written through a link: that is this very machine's
        path.write_text(RECORD + does, encoding="utf-8")
        path.chmod(0o755)
        return path

    def is_a(
        self, distribution: str, version: str, machine: str = "x86_64", codename: str = ""
    ) -> None:
        """Say what distribution and processor this is; NAME=CODENAME tells whose archive it has."""
        text = f"ID={distribution}\n{codename}\n"
        if version == "sid":
            text += 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nVERSION_CODENAME=forky\n'
        elif version:
            text += f'PRETTY_NAME="x"\nVERSION_ID="{version}"\n'
        (self.system / "etc" / "os-release").write_text(text, encoding="utf-8")
        self.program("uname", f"echo {machine}\n")

    def user(self, name: str) -> None:
        """Be this user."""
        uid = 0 if name == "root" else 1000
        self.program("id", f'case "$1" in -u) echo {uid} ;; *) echo {name} ;; esac\n')

    def has(self, *names: str) -> None:
        """Have these programs, and what goes with all of them, installed."""
        for name in names:
            shutil.copy(self.files / name, self.bin)

    def set_up(self) -> None:
        """Have everything but the Python environment."""
        self.has(*EVERYTHING)
        for mark in ("buildx", "engine"):
            (self.files / mark).touch()
        for name in (
            "etc/ssl/certs/ca-certificates.crt",
            "usr/share/keyrings/debian-archive-keyring.gpg",
            "proc/sys/fs/binfmt_misc/qemu-aarch64",
        ):
            path = self.system / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x", encoding="utf-8")

    def start(
        self, *arguments: str, script: str = "inv", cwd: Path | None = None,
        own_session: bool = False, **env: str,
    ) -> subprocess.Popen[str]:  # fmt: skip
        """Start a script of the checkout on this machine."""
        environment = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "KIT_SYSTEM_ROOT": str(self.system),
            "CALLS": str(self.home / "calls"),
            "BIN": str(self.bin),
            "FILES": str(self.files),
            "DOCKER_HOST": "",
            **self.environment,
            **env,
        }
        return subprocess.Popen(
            [str(self.checkout / script), *arguments],
            env=environment,
            cwd=cwd or self.home,
            start_new_session=own_session,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, script: str = "inv", cwd: Path | None = None, **env: str
    ) -> tuple[int, str, str]:
        """Run a script; return its exit code, standard output and standard error."""
        process = self.start(*arguments, script=script, cwd=cwd, own_session=False, **env)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def tree(self) -> set[str]:
        """Return every path of the machine but the log of calls."""
        return {
            os.path.join(folder, name)  # noqa: PTH118
            for folder, folders, names in os.walk(self.home)
            for name in [*folders, *names]
            if name != "calls"
        }
