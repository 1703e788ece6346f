"""Runs a program under a filter that has Linux 4.9's system calls and no newer ones; on x86_64.

Arguments: the program and its arguments. QEMU's user emulation hands on most of what an arm64
program calls, so that program sees ENOSYS where kernel 4.9 gives it; its log tells of those which
QEMU answers itself.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import struct
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_suffix(".toml")
AUDIT_ARCH_X86_64 = 0xC000003E
# Where struct seccomp_data has the number, the architecture and the first argument's low half.
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
LOAD, EQUAL, AT_LEAST, ABOVE, RETURN = 0x20, 0x15, 0x35, 0x25, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
# "1234 statx(0,NULL,0,0,NULL) = -1 errno=14 (Bad address)"; threads may write into one line.
CALL = re.compile(r"^\d+ (?P<name>[a-z_0-9]+)\(.*?(?:= (?P<result>-1 errno=(?P<errno>\d+))?|$)")
UNKNOWN = re.compile(r"^\d+ (?P<name>Unknown syscall \d+)")


@dataclass(frozen=True)
class Calls:
    """The system calls of a run: how many different ones, and those that Linux 4.9 lacks."""

    different: int
    newer: dict[str, int]
    """How often each was called that Linux 4.9 does not have."""
    answered: dict[str, int]
    """How often one of them gave another result than ENOSYS: QEMU answered it itself."""


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def data() -> dict[str, Any]:
    """Return old_kernel.toml."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def command() -> list[str]:
    """Return the prefix of a command line that is to run under the filter."""
    return [sys.executable, str(Path(__file__))]


def read(log: Iterable[str]) -> Calls:
    """Return what a log of QEMU's (-strace) says was called."""
    lacking = set(data()["arm64"]["newer"])
    names: set[str] = set()
    newer: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for line in log:
        match = CALL.match(line) or UNKNOWN.match(line)
        if not match:
            continue
        name = match["name"]
        names.add(name)
        if name in lacking or name.startswith("Unknown"):
            newer[name] += 1
            if match.groupdict().get("errno") != str(errno.ENOSYS) and "Unknown" not in name:
                answered[name] += 1
    return Calls(len(names), dict(sorted(newer.items())), dict(sorted(answered.items())))


def rules() -> bytes:
    """Return the filter: (code, jump if true, jump if false, operand) each."""
    facts = data()["x86_64"]
    steps = (
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, AUDIT_ARCH_X86_64),
        (RETURN, 0, 0, ERROR | errno.ENOSYS),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, facts["first_newer"]),
        (RETURN, 0, 0, ERROR | errno.ENOSYS),
        (EQUAL, 0, 3, facts["membarrier"]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (ABOVE, 0, 1, facts["membarrier_last_command"]),
        (RETURN, 0, 0, ERROR | errno.EINVAL),
        (RETURN, 0, 0, ALLOW),
    )
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def main(*line: str) -> None:
    """Put the filter over this process and become the program. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    text = rules()
    program = Program(len(text) // 8, text)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "no filter of system calls can be set here")
    os.execv(line[0], line)  # noqa: S606 # the filter goes over this process


if __name__ == "__main__":
    main(*sys.argv[1:])
