"""Skips tests whose part is missing, and says why; ./inv test takes such a skip for a failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from jetson_kit.core import machine
from tests.support import results

machine.find_system_programs()

NO_DOCKER = "no Docker Engine answers on this machine"
NO_QEMU = "qemu-aarch64 is not registered with binfmt_misc"
NO_NETWORK = "no package index can be reached"

# A shell's background job begins with Ctrl-C ignored, one under nohup with the terminal's end too,
# and so would all that the tests start. What is caught here has its default there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, lambda _number, _frame: None)


@cache
def missing(part: str) -> str:
    """Return why a part can't be used here, or an empty string."""
    if part == "docker":
        from jetson_kit.containers import engine
        from jetson_kit.core.errors import ToolMissingError

        try:
            engine.client()
        except ToolMissingError:
            return NO_DOCKER
    if part == "qemu":
        from jetson_kit.audit import one_cpu

        registered = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists()
        native = os.uname().machine == "aarch64"
        if not native and not (registered and one_cpu.program()):
            return NO_QEMU
    if part == "network":
        uv = Path(sys.executable).with_name("uv")
        requested = [str(uv), "pip", "compile", "--quiet", "--no-deps", "--no-cache", "-"]
        if subprocess.run(requested, input=b"six", capture_output=True, check=False).returncode:
            return NO_NETWORK
    return ""


def pytest_configure(config: pytest.Config) -> None:
    """Count what became of each test."""
    results.register(config)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose marked part is missing; no guest of another outlives this process."""
    for part in ("docker", "qemu", "network"):
        if item.get_closest_marker(part) and (why := missing(part)):
            pytest.skip(why)
    if item.get_closest_marker("qemu"):
        from tests.support import guests

        guests.end_with_this_process()
