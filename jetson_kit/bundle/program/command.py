"""The command line of verify.pyz: unpack, run the device wheel, leave nothing behind."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from jetson_kit.bundle.program import cores, graphics, measure, unpack
from jetson_kit.bundle.program.archive import BASE, Archive
from jetson_kit.bundle.program.errors import BundleError, UnfitError, UsageError

USAGE = """\
usage: python3 verify.pyz [--unpack-to FOLDER] [--keep] [MODE] [options]

Proves where MediaPipe's inference runs on this machine, offline, and leaves nothing behind.

modes:
  verify    (default) the verdict: gpu, software, cpu, broken or unknown; its options: verify --help
  measure   every task and backend, on the CPU and the GPU: measure [--brief] --json FILE
  info, selftest, doctor, run, bench    the other programs of the device wheel

  --unpack-to FOLDER   where its files go (default: the first with room of the cache folder, /tmp,
                       /var/tmp and /dev/shm)
  --keep               leave the files there, for the next run

Exit codes: 0 as expected, 1 not, 2 wrong command line, 3 not for this machine, 5 damaged,
6 no room, 7 a step failed, 11 broken, 128 + N stopped by signal N
"""
MODES = ("verify", "measure", "info", "selftest", "doctor", "run", "bench")
SIGNALLED = 128
OLDEST_GLIBC = (2, 27)


@dataclass(frozen=True)
class Options:
    """The options before the mode, the mode, and its arguments."""

    mode: str
    arguments: tuple[str, ...]
    folder: str = ""
    keep: bool = False


class Stopped(BaseException):
    """SIGTERM or SIGHUP came."""


def main(arguments: Sequence[str]) -> int:
    """Run a mode; whatever goes wrong before it starts is one line."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        return _run(_options(arguments))
    except BundleError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
        return SIGNALLED + signal.SIGINT
    except Stopped as stopped:
        print("error: stopped", file=sys.stderr)
        return SIGNALLED + int(stopped.args[0])
    except OSError as error:
        print(f"error: {error.filename or 'this machine'}: {error.strerror}", file=sys.stderr)
        return BundleError.exit_code


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    raise Stopped(number)


def _options(arguments: Sequence[str]) -> Options:
    folder, keep, remaining = "", False, list(arguments)
    while remaining and remaining[0] in ("--unpack-to", "--keep"):
        if remaining.pop(0) == "--keep":
            keep = True
        elif remaining:
            folder = remaining.pop(0)
        else:
            raise UsageError("--unpack-to needs a folder; see --help")
    if remaining and not remaining[0].startswith("-"):
        mode = remaining.pop(0)
        if mode not in MODES:
            raise UsageError(f"no mode {mode!r}: choose one of {', '.join(MODES)}")
        return Options(mode, tuple(remaining), folder, keep)
    return Options("verify", tuple(remaining), folder, keep)


def _run(options: Options) -> int:
    archive = Archive(Path(sys.argv[0]).absolute())
    python = check_machine(archive.manifest)
    output, brief = (None, False)
    if options.mode == "measure":
        output, brief = _measure_options(options.arguments)
    core = cores.chosen(archive.manifest)
    more = core.size if core else 0
    with unpack.unpacked(archive, python, options.folder, options.keep, more) as folder:
        variables = environment(folder, core)

        def command(arguments: Sequence[str]) -> list[str]:
            return [sys.executable, "-s", "-m", "mediapipe_jetson", *arguments]

        if output is None:
            return _child(command([options.mode, *options.arguments]), variables)

        def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                command(arguments), env=variables, capture_output=True, text=True, check=False
            )

        return measure.measure(
            run, output, folder, brief=brief, report=lambda line: print(line, flush=True)
        )


def _child(command: Sequence[str], variables: dict[str, str]) -> int:
    """Run a command with our streams; a signal reaches it before it ends us."""
    with subprocess.Popen(command, env=variables) as child:
        try:
            code = child.wait()
        except (KeyboardInterrupt, Stopped):
            child.terminate()
            child.wait()
            raise
    return code if code >= 0 else 128 - code


def _measure_options(arguments: Sequence[str]) -> tuple[Path, bool]:
    left = list(arguments)
    brief = "--brief" in left
    if brief:
        left.remove("--brief")
    if len(left) != 2 or left[0] != "--json":
        raise UsageError("measure needs --json FILE, and takes --brief besides")
    output = Path(left[1])
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise UsageError(f"no file can be written at {output}")
    return output, brief


def check_machine(manifest: dict[str, Any]) -> str:
    """Return this Python's version. Raises UnfitError where the bundle is not for this machine."""
    machine, mine = str(manifest["machine"]), platform.machine()
    if machine != mine:
        raise UnfitError(f"this bundle is for {machine}, this machine is {mine}")
    name, version = platform.libc_ver()
    numbers = tuple(int(word) for word in version.split(".")[:2] if word.isdecimal())
    if name != "glibc":
        raise UnfitError("MediaPipe needs the GNU C library, which this Python does not use")
    if numbers < OLDEST_GLIBC:
        raise UnfitError(f"MediaPipe needs glibc 2.27, this machine has {version}")
    python = ".".join(map(str, sys.version_info[:2]))
    pythons = list(manifest["groups"][BASE]["pythons"])
    if python not in pythons or sys.implementation.name != "cpython":
        raise UnfitError(
            f"this bundle is for CPython {', '.join(pythons)}, this is {sys.implementation.name} "
            f"{python}"
        )
    if sys.maxsize < 1 << 32:
        raise UnfitError("this Python is a 32-bit one; run this with a 64-bit Python")
    return python


def environment(folder: Path, core: cores.Core | None = None) -> dict[str, str]:
    """Return the environment of the device wheel: the bundle's packages and models, no others.

    For a core that the official MediaPipe is not for, its own stands before that.
    """
    sites = [cores.site(folder, core)] if core else []
    sites.append(folder / "site")
    left = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("PYTHON") and key != "MEDIAPIPE_JETSON_MODELS"
    }
    return {
        **left,
        **graphics.environment(folder),
        "PYTHONPATH": os.pathsep.join(map(str, sites)),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "MEDIAPIPE_JETSON_MODELS": str(folder / "models"),
        "MEDIAPIPE_JETSON_ENGINES": str(folder / measure.ENGINES),
        "MEDIAPIPE_JETSON_ENGINES_CACHE": str(folder / "engines-built"),
    }
