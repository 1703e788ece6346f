"""How the translated library's results are compared, and the filter that stands for Linux 4.9."""

from __future__ import annotations

import array
import errno
import platform
import subprocess
import sys

import pytest

from bench.translate import command, inference, old_kernel
from bench.translate.tasks import Inferred
from jetson_kit.core.errors import BadInputError, CheckFailedError

# getpid, statx, rseq, clone3, membarrier's query, membarrier's private command, getrandom.
CALLS = ((39, 0), (332, 0), (334, 0), (435, 0), (324, 0), (324, 8), (318, 0))
PROGRAM = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number, argument in {CALLS}:
    ctypes.set_errno(0)
    print(ctypes.get_errno() if libc.syscall(number, argument, 0, 0, 0, 0) < 0 else 0)
"""
LOG = """\
7 openat(AT_FDCWD,"a",O_RDONLY) = 3
7 statx(0,NULL,0,0,NULL) = -1 errno=38 (Function not implemented)
7 statx(3,"",0,0,0x1) = 0
8 rseq(0,0,0,0) = -1 errno=38 (Function not implemented)
8 write(1,0x1,2)text = 2
7 Unknown syscall 460
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is of x86_64's numbers")
def test_a_program_under_the_filter_has_no_newer_system_calls() -> None:
    line = [*old_kernel.command(), sys.executable, "-c", PROGRAM]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    lacking, refused = errno.ENOSYS, errno.EINVAL
    expected = [0, lacking, lacking, lacking, 0, refused, 0]
    assert list(map(int, done.stdout.split())) == expected


def test_newer_calls_are_counted_and_told_from_those_that_qemu_answered() -> None:
    calls = old_kernel.read(LOG.splitlines())
    assert calls.different == 5
    assert calls.newer == {"Unknown syscall 460": 1, "rseq": 1, "statx": 2}
    assert calls.answered == {"statx": 1}


def numbers(*values: float) -> bytes:
    return array.array("d", values).tobytes()


def test_the_largest_difference_is_found() -> None:
    assert inference.apart(numbers(1, -4, 3), numbers(1, -4, 3.5)) == (0.5, 4)
    assert inference.apart(numbers(), numbers()) == (0, 0)


def test_files_of_another_length_differ() -> None:
    with pytest.raises(CheckFailedError, match="3 numbers, the other 2"):
        inference.apart(numbers(1, 2, 3), numbers(1, 2))


def test_a_task_that_is_missing_or_differs_in_a_bit_is_named() -> None:
    first = Inferred({"a": {"sha256": "1"}, "b": {"sha256": "2"}, "c": {"sha256": "3"}})
    other = Inferred({"a": {"sha256": "1"}, "b": {"sha256": "9"}})
    assert inference.differing(first, other) == ["b", "c"]


def test_an_unknown_part_is_named_before_anything_is_measured() -> None:
    parts = ["graph", "threads"]
    with pytest.raises(BadInputError, match=r"no part graph$") as refused:
        command.run(parts)
    assert "graph_pose" in refused.value.cure
