"""Run the device wheel's doctor here or over ssh, from source: nothing is installed anywhere."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import shlex
import stat
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediapipe_jetson.doctor import causes, commands, scene
from mediapipe_jetson.doctor import report as reports
from mediapipe_jetson.doctor.files import kinds, reading, unreadable
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe.driver import Node

from jetson_kit.core import log, ssh
from jetson_kit.core.errors import (
    BadInputError,
    CheckFailedError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.core.text import counted
from jetson_kit.doctor import tree as doctor_tree
from jetson_kit.targets.detect import HOST
from jetson_kit.wheels.device_wheel import PACKAGE

SCHEMA = "mediapipe-jetson/doctor/1"
LOCAL_TIMEOUT_S = 300.0
NOTICE_AFTER_S = 5.0
REMOTE_TIMEOUT_S = 300.0
# The doctor needs the package's code and tables, not the self-test's picture.
SENT = (".py", ".json")
# Parsers that the board's Python may lack, in plain Python, and the names they get there.
PARSERS = {"yaml": "yaml", "tomllib": "tomli"}
CODE_MOST_BYTES = 64 * 1024 * 1024
NO_PYTHON = 86
# The Python that a user gets by default first; the others may lack the user's packages.
PYTHONS = (
    "/opt/mediapipe/bin/python3 python3 python3.14 python3.13 python3.12 python3.11 python3.10 "
    "python3.9"
)
# Unpacks what comes on standard input below /tmp, runs it there, and takes it away again.
LOADER = """\
import io, os, signal, subprocess, sys, tempfile, zipfile
signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with tempfile.TemporaryDirectory(prefix="mediapipe-jetson-doctor-") as folder:
    zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())).extractall(folder)
    words = [sys.executable, "-m", "mediapipe_jetson", "doctor", "--json", "--local"]
    code = os.path.join(folder, "code")
    if os.path.isdir(code):
        words += ["--code", code]
    path = os.path.join(folder, "package")
    environment = dict(os.environ, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")
    sys.exit(subprocess.call(words, env=environment, stdin=subprocess.DEVNULL))
"""
FINDER = """\
for name in {pythons}; do
  if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null </dev/null; then
    exec "$name" -c {loader}
  fi
done
exit {none}
"""


@dataclass(frozen=True)
class Diagnosis:
    """The doctor's document, and the text that a person reads."""

    document: dict[str, Any]

    @property
    def bad(self) -> tuple[str, ...]:
        """Return the ids of the causes that are at work, what to mend first on top."""
        return tuple(item["id"] for item in self.document["causes"] if item["status"] == "bad")

    @property
    def text(self) -> str:
        """Return the report as the device prints it."""
        return reports.text(self.document)

    def check(self) -> None:
        """Raise CheckFailedError if any cause is at work."""
        if self.bad:
            many = counted(len(self.bad), "cause")
            raise CheckFailedError(
                f"{many} found: {', '.join(self.bad)}", "mend the first one and run it again"
            )


def local(code: Path | None = None, *, machine: bool = False) -> Diagnosis:
    """Examine this machine and `code`; without an NVIDIA GPU here `code` alone, unless `machine`.

    Raises BadInputError, StepFailedError.
    """
    # -P: the current folder is the user's, and a json.py there is not ours to run.
    command = [sys.executable, "-P", "-m", "mediapipe_jetson", "doctor", "--json"]
    if machine:
        command.append("--local")
    if code is not None:
        command += ["--code", str(_existing(code))]
    path = os.pathsep.join(filter(None, [str(PACKAGE), os.environ.get("PYTHONPATH", "")]))
    try:
        with _notice(f"  ...   reading {code}" if code is not None else ""):
            done = subprocess.run(
                command,
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LOCAL_TIMEOUT_S,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise StepFailedError(
            f"the doctor gave no answer within {LOCAL_TIMEOUT_S:.0f} s",
            "name the program's own folder by --code" if code is not None else "",
        ) from error
    return _read(done, "this machine")


@contextlib.contextmanager
def _notice(text: str) -> Iterator[None]:
    """Say what is done where it takes long."""
    timer = threading.Timer(NOTICE_AFTER_S, log.LOG.info, (text,))
    timer.daemon = True
    if text:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def remote(
    user_at_host: str,
    code: Path | None = None,
    options: Sequence[str] = (),
    timeout_s: float = REMOTE_TIMEOUT_S,
) -> Diagnosis:
    """Examine a device over one ssh connection; its files are left as they are.

    `code` is a folder of this machine, sent along; `options` go to ssh before the host. The host's
    key must be known and no password is asked for. Where there is no Python 3.9, sh tells what is
    there and the checks run here. Raises BadInputError, ToolMissingError, NetworkError,
    IntegrityError or StepFailedError.
    """
    if not HOST.fullmatch(user_at_host) or user_at_host.startswith("-"):
        raise BadInputError(f'"{user_at_host}" is no host', "write it like user@host")
    sent = payload(code)
    script = FINDER.format(pythons=PYTHONS, loader=shlex.quote(LOADER), none=NO_PYTHON)
    done = ssh.run(user_at_host, f"sh -c {shlex.quote(script)}", sent, options, timeout_s)
    if done.returncode == NO_PYTHON:
        content = doctor_tree.script(commands.COMMANDS).encode()
        stdout = ssh.run(user_at_host, "sh -s", content, options, timeout_s).stdout
        return examine(doctor_tree.parse(stdout.decode(errors="replace")), code)
    return _read(done, user_at_host)


def examine(facts: doctor_tree.RawFacts, code: Path | None = None) -> Diagnosis:
    """Run the checks here on what sh told of a board."""
    with tempfile.TemporaryDirectory(prefix="jetson-doctor-") as folder:
        nodes = tuple(
            Node(name, stat.filemode(stat.S_IFCHR | mode), uid, gid, False)
            for name, mode, uid, gid in facts.nodes
        )
        here = scene.Scene(
            root=facts.plant(Path(folder)),
            environment=facts.environment,
            outputs={
                name: commands.evaluate(commands.COMMANDS[name], exit_code, text)
                for name, (exit_code, text) in facts.outputs.items()
            },
            python=facts.python,
            mediapipe=facts.mediapipe,
            library=Absent("the library was not read: that needs Python 3.9 on the board"),
            uid=facts.uid,
            groups=facts.groups,
            machine=facts.machine,
            code=_existing(code) if code is not None else None,
            nodes=nodes,
        )
        return Diagnosis(reports.document(here, causes.examine(here)))


def payload(code: Path | None = None) -> bytes:
    """Return a zip of the device package, and of those files of `code` that the doctor reads.

    Raises BadInputError if there is no such folder or too much in it.
    """
    packed = io.BytesIO()
    # A site's kit has files of 1970.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in sorted((PACKAGE / "mediapipe_jetson").rglob("*")):
            if path.suffix in SENT and path.is_file():
                archive.write(path, f"package/{path.relative_to(PACKAGE).as_posix()}")
        for parser, name in PARSERS.items():
            for path in sorted(_folder(parser).glob("*.py")):
                archive.write(path, f"package/{name}/{path.name}")
        if code is not None:
            _pack_code(archive, _existing(code))
    return packed.getvalue()


def _folder(package: str) -> Path:
    """Return where a package of this Python lies."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        raise ToolMissingError(f"{package} is not installed", "run ./inv again: it installs it")
    return Path(spec.origin).parent


def _pack_code(archive: zipfile.ZipFile, code: Path) -> None:
    archive.writestr("code/", b"")
    size = 0

    def unseen(error: OSError) -> None:
        raise BadInputError(f"{error.filename} can't be read: {error.strerror}") from error

    for path in kinds.files(code, unseen):
        try:
            # A wheel is too large to be sent; only its presence is reported.
            wheel = kinds.by_name(path) == "wheel"
            known = kinds.by_name(path) is not None
            most = None if known else kinds.LARGEST_BYTES
            content = b"" if wheel else reading.content(path, most, text=not known)
        except OSError as error:
            raise BadInputError(f"{path} can't be read: {error.strerror}") from error
        except unreadable.FormError as error:
            if kinds.by_name(path):
                raise BadInputError(f"{path} can't be read: {error}") from error
            continue
        if not kinds.kind(path, content):
            continue
        size += len(content)
        if size > CODE_MOST_BYTES:
            raise BadInputError(
                f"{code} holds more than {CODE_MOST_BYTES // 1024**2} MiB of code",
                "name the program's own folder by --code",
            )
        name = path.relative_to(code).as_posix() if code.is_dir() else path.name
        archive.writestr(f"code/{name}", content)


def _existing(code: Path) -> Path:
    path = code.expanduser()
    if not path.exists():
        raise BadInputError(f"{code} does not exist", "give a folder or a file by --code")
    place = reading.kernels(path)
    if place:
        raise BadInputError(f"{code} leads into {place}: {reading.NONE}")
    return path.resolve()


def _read(done: subprocess.CompletedProcess[bytes], where: str) -> Diagnosis:
    """Return the document, which may stand after a login shell's greeting."""
    output = done.stdout.decode(errors="replace")
    start = output.find(f'{{\n "schema": "{SCHEMA}"')
    try:
        document = json.loads(output[start:]) if start >= 0 else None
    except ValueError:
        document = None
    if not isinstance(document, dict) or done.returncode not in (0, 1):
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else f"exit code {done.returncode}"
        raise StepFailedError(f"the doctor failed on {where}: {last.removeprefix('error: ')}")
    return Diagnosis(document)
