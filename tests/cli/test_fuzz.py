"""Command lines of all tasks at random: each ends in time, in one line, and leaves nothing behind.

The rule for standard error: lines of steps may come first; where the exit code is not 0 the last
line, and no other, begins with `error: `. A verdict (1, 11) may have its result on standard output
in place of that line, and --nagios has its own there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from tests.cli import lines, place
from tests.cli.server import Answer, Request
from tests.support.here import cannot_run_here

pytestmark = pytest.mark.slow
CODES = {0, 1, 2, 3, 4, 5, 6, 7, 11}
NAGIOS = {0, 1, 2, 3}
LIMIT_S = 60.0
BAD_INPUT = 2
# The work was done, whatever its verdict.
DONE = (0, 1, 11)
# Records of a run that began stay, whatever became of it; of bad input only locks, lists and
# the empty folder for keys do.
RECORDS = "state/"
LOCKS = (
    *("state/.lock", "state/inventory.yml", "state/fleet", "state/fleet/lock", "state/keys"),
    *("state/fleet/rollouts", "state/fleet/provision"),
    *("home/.config", "home/.config/mediapipe-jetson-kit"),
)


class Server:
    """tests/cli/server.py, without a network."""

    def __init__(self) -> None:
        for alone in (["unshare", "-n"], ["unshare", "-rn"]):
            if not subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
                break
        else:
            cannot_run_here("no process can be had without a network")
        self.process = subprocess.Popen(
            [*alone, sys.executable, "-m", "tests.cli.server"], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._line() == "ready\n"

    def run(self, request: Request) -> Answer:
        """Run a command line."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(asdict(request)) + "\n")
        self.process.stdin.flush()
        return Answer(**json.loads(self._line()))

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def close(self) -> None:
        """End it."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    result = Server()
    yield result
    result.close()


def wrong(line: lines.Line, answer: Answer, changed: list[str]) -> list[str]:
    """Return what is wrong with how a command line ended."""
    result = []
    nagios = "--nagios" in line.argv
    if answer.code is None:
        return [f"no end within {LIMIT_S:.0f} s"]
    stopped = {128 + number for _, number in line.signals}
    stopped |= {-number for _, number in line.signals}  # before there was a handler
    if answer.code in stopped - {129, 130, 143}:
        return [f"left {changed[:5]}"] if changed else []
    if answer.code not in (CODES | NAGIOS | stopped if nagios else CODES | stopped):
        result.append(f"exit code {answer.code}")
    if "Traceback" in answer.stderr + answer.stdout:
        result.append("a traceback")
    errors = [item for item in answer.stderr.splitlines() if item.startswith("error: ")]
    verdict = answer.code in (1, 11) and answer.stdout
    # A file's faults are told all at once, and counted by the last line.
    counted = len(errors) > 1 and f" has {len(errors) - 1} fault" in errors[-1]
    explained = len(errors) == 1 or counted
    last = answer.stderr.splitlines()[-len(errors) :]
    if answer.code and not nagios and not verdict and not (explained and errors == last):
        result.append("no line, or more than one, that says why")
    if any(len(error) > 9000 or not error.replace("\t", " ").isprintable() for error in errors):
        result.append("a line that is too long or can't be printed")
    if answer.left:
        result.append(f"left processes: {answer.left}")
    bad = answer.code == BAD_INPUT and not line.environment  # an environment is met on the way
    left = [name for name in changed if _must_not_be(name, answer.code, bad=bad)]
    return result + ([f"left {left[:5]}"] if left else [])


def _must_not_be(name: str, code: int, *, bad: bool) -> bool:
    """Return whether a path may not have changed in a command that ended so."""
    if name in LOCKS:
        return False
    if name.startswith("tmp/") or bad:
        return True
    return code not in DONE and not name.startswith(RECORDS)


def test_command_lines(
    server: Server, seed: int, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    home = tmp_path / "p"
    usual = place.make(home)
    before = place.snapshot(home)
    failures = []
    began = time.monotonic()
    count = int(pytestconfig.getoption("--lines"))
    signalled = float(pytestconfig.getoption("--signalled"))
    latest_s = float(pytestconfig.getoption("--latest"))
    codes: dict[int | None, int] = {}
    for number, line in enumerate(lines.make(seed, count, signalled, latest_s)):
        environment = {**usual, **{key: value or "" for key, value in line.environment}}
        for key, value in line.environment:
            if value is None:
                del environment[key]
        answer = server.run(
            Request(list(line.argv), str(home / "cwd"), environment, LIMIT_S, list(line.signals))
        )
        codes[answer.code] = codes.get(answer.code, 0) + 1
        changed = place.changes(before, place.snapshot(home))
        if problems := wrong(line, answer, changed):
            failures.append(
                f"{seed}:{number} {'; '.join(problems)}\n  {line}\n  code {answer.code}, "
                f"{answer.took_s:.1f} s: {answer.stderr[-600:]!r}"
            )
            print(failures[-1], flush=True)
        if changed:
            usual = place.renew(home)
            before = place.snapshot(home)
    shutil.rmtree(home)
    print(f"seed {seed}: {count} lines in {time.monotonic() - began:.0f} s, codes {codes}")
    assert not failures, f"{len(failures)} of {count}:\n" + "\n".join(failures)
