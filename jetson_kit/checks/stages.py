"""The project's own checks, in the stages of ci/stages.toml, each with its time."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import sys
import tempfile
import threading
import time
import tomllib
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from jetson_kit.checks import linters
from jetson_kit.checks import process as checks_process
from jetson_kit.core import environments, needs, stopping
from jetson_kit.core.errors import BadInputError, CheckFailedError, NoPythonError
from jetson_kit.core.paths import ROOT

TABLE = ROOT / "ci" / "stages.toml"
REAL = "network or docker or qemu or slow or browser or engines or vision or live"


# The sizes of ./inv test, each with all that the ones before it run.
SIZES = ("quick", "default", "all", "long")
FLAGS = {"quick": " --quick", "default": "", "all": " --all"}
NOT_HERE = "not here: "
"""How the reason of a skip begins that no package would mend: see tests/support/here.py."""
RESULTS = "KIT_TEST_RESULTS"
TEST_S = 900
"""What a test may take with all that it sets up, before it hangs and has failed."""
SLOWEST = ("--durations=3", "--durations-min=120")
"""Shows which come near it."""
_printing = threading.Lock()


@dataclass(frozen=True)
class Stage:
    """A named group of checks.

    `size` is the smallest size of `./inv test` that runs all of it: "quick" ones need neither
    Docker nor network, "long" ones run only by their name. `default` are those tests of it that
    the size "default" runs, where its own size is greater.

    `beside` ones run one after another while the others do: they keep to virtual devices, which
    wait most of the time, and the others keep to images. Whichever are done first take over the
    last of the others.
    `evidence` is run where the stage failed: it shows what the tests' own output can't.
    `environment` names one of jetson_kit.core.environments in which pytest runs.
    """

    name: str
    size: str
    default: tuple[str, ...] = ()
    pytest: tuple[str, ...] = ()
    real: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    workers: int = 1
    """So many files at a time: for those that wait most of the time, or use one core alone."""
    environment: str = ""
    beside: bool = False
    minutes: int = 25
    """What takes longer hangs, and is stopped."""

    def at(self, size: str) -> Stage | None:
        """Return what of the stage a size of the whole runs, or None."""
        if SIZES.index(self.size) <= SIZES.index(size):
            return self
        return replace(self, real=self.default) if size == "default" and self.default else None

    @property
    def tests(self) -> bool:
        """Tell whether pytest is what it runs."""
        return bool(self.pytest or self.real)

    def commands(self) -> list[list[str]]:
        """Return what the stage runs."""
        if self.modules:
            return [[sys.executable, "-m", module] for module in self.modules]
        if not self.tests:
            return linters.commands()
        arguments = self.pytest or (*self.real, "-m", REAL)
        if self.workers > 1:
            arguments = (*arguments, "-n", str(self.workers), "--dist", "loadfile")
            # As they are listed: what takes longest begins first.
            arguments = (*arguments, "--no-loadscope-reorder")
        if self.environment:
            return [[str(environments.python(self.environment)), "-m", "pytest", "-q", *arguments]]
        limit = f"--timeout={60 * self.minutes if self.size == 'long' else TEST_S}"
        slowest = () if self.size == "quick" else SLOWEST
        return [[sys.executable, "-m", "pytest", "-q", limit, *slowest, *arguments]]


@dataclass(frozen=True)
class Result:
    """The result of a stage."""

    stage: str
    problems: tuple[str, ...]
    """Why it failed; none if it passed."""
    passed: int = 0
    failed: int = 0
    elsewhere: tuple[tuple[str, str], ...] = ()
    """(test, reason) of each that is for another machine."""


def stages() -> tuple[Stage, ...]:
    """Return ci/stages.toml."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["stage"]
    lists = (
        {**row, **{k: tuple(v) for k, v in row.items() if isinstance(v, list)}} for row in rows
    )
    return tuple(Stage(**row) for row in lists)


def run(*, size: str, stage: str = "", minutes: float = math.inf) -> None:
    """Run the stages of a size, or the one that is named, with what they need installed first.

    What still runs after `minutes` is stopped and has failed, as has what did not begin by then.
    Raises CheckFailedError naming those that failed: a test that was skipped for something that
    could be installed, and a stage without a test, are failures.
    """
    until = time.monotonic() + 60 * minutes
    every = stages()
    if stage:
        chosen = [item for item in every if item.name == stage]
    else:
        chosen = [part for item in every if (part := item.at(size))]
    if not chosen:
        known = ", ".join(item.name for item in every)
        raise BadInputError(f"no stage {stage!r} here", f"choose one of {known}")
    command = f"./inv test --stage {stage}" if stage else f"./inv test{FLAGS[size]}"
    needs.require(needs.table().of_stages(item.name for item in chosen), command, strict=False)
    timed: list[tuple[Result, str]] = []
    if size == "quick" or len(chosen) == 1:
        timed = [_timed(item, sys.stdout.fileno(), until) for item in chosen]
    else:
        lanes = [
            deque(item for item in chosen if item.beside == beside) for beside in (False, True)
        ]
        with ThreadPoolExecutor(len(lanes)) as pool:
            for pairs in pool.map(lambda own, other: _lane(own, other, until), lanes, lanes[::-1]):
                timed += pairs
    results = [result for result, _ in timed]
    if len(timed) > 1:
        print(f"--- {', '.join(time_taken for _, time_taken in timed)}")
    print("\n".join(report(results)), flush=True)
    failed = [
        f"{result.stage} ({'; '.join(result.problems)})" for result in results if result.problems
    ]
    if failed:
        raise CheckFailedError(f"failed: {', '.join(failed)}")


def _lane(own: deque[Stage], other: deque[Stage], until: float) -> list[tuple[Result, str]]:
    """Run stages one after another; the output of each is shown when it has ended.

    First those of its own, then what another lane has left, from its end.
    """
    result = []
    while stage := _next(own, other):
        stopping.check()
        with tempfile.TemporaryFile() as output:
            print(f"--- {stage.name} begins", flush=True)
            result.append(_timed(stage, output.fileno(), until, quiet=True))
            output.seek(0)
            with _printing:
                print(f"--- {stage.name}", flush=True)
                shutil.copyfileobj(output, sys.stdout.buffer)
                print(f"--- {result[-1][1]}", flush=True)
    return result


def _next(own: deque[Stage], other: deque[Stage]) -> Stage | None:
    # Each of these is one step, whatever another thread does meanwhile.
    for take in (own.popleft, other.pop):
        with contextlib.suppress(IndexError):
            return take()
    return None


def _timed(stage: Stage, output: int, until: float, *, quiet: bool = False) -> tuple[Result, str]:
    """Run a stage with its output there; return its result, and its time as text."""
    if not quiet:
        print(f"--- {stage.name}", flush=True)
    started = time.monotonic()
    result = _stage(stage, output, min(until, started + 60 * stage.minutes))
    taken = f"{stage.name} {time.monotonic() - started:.0f} s"
    if not quiet:
        print(f"--- {taken}", flush=True)
    if result.problems and stage.evidence:
        checks_process.run(stage.evidence, output, time.monotonic() + checks_process.GRACE_S)
    return result, taken


def report(results: Sequence[Result]) -> list[str]:
    """Return the lines at the end: what passed, and what is for another machine, with reasons."""
    elsewhere: dict[str, list[str]] = {}
    for item in results:
        for test, reason in item.elsewhere:
            elsewhere.setdefault(reason, []).append(test)
    lines = []
    for reason, tests in sorted(elsewhere.items()):
        lines += [f"not run here: {reason}", *(f"  {test}" for test in tests)]
    return [
        *lines,
        f"tests passed: {sum(result.passed for result in results)},"
        f" failed: {sum(result.failed for result in results)},"
        f" not run here: {sum(map(len, elsewhere.values()))}",
    ]


def _stage(stage: Stage, output: int, until: float) -> Result:
    try:
        commands = stage.commands()
    except NoPythonError as error:
        return Result(stage.name, (), elsewhere=((f"stage {stage.name}", error.message),))
    if not stage.tests:
        failed = [row for row in commands if checks_process.run(row, output, until)]
        return Result(stage.name, tuple(_checker(row) for row in failed))
    with tempfile.TemporaryDirectory(prefix="kit-results-") as folder:
        path = Path(folder, "results.json")
        codes = [
            checks_process.run(command, output, until, {RESULTS: str(path)}) for command in commands
        ]
        return judge(stage.name, codes, path)


def _checker(command: Sequence[str]) -> str:
    """Return the name of what a command checks with: its program, or Python's module."""
    module = command.index("-m") + 1 if "-m" in command[:-1] else 0
    return Path(command[module]).name


def judge(stage: str, codes: Sequence[int], path: Path) -> Result:
    """Judge a stage by pytest's exit codes and what tests/support/results.py wrote."""
    late = ["stopped: it took too long"] if checks_process.STOPPED in codes else []
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        if late:
            return Result(stage, (f"{late[0]}, and left no result",))
        return Result(stage, (f"pytest ended with exit code {max(codes)} and no result",))
    problems = late
    if document["failed"] or (any(codes) and not problems):
        problems.append(
            f"{document['failed']} failed" if document["failed"] else f"exit code {max(codes)}"
        )
    if not document["passed"]:
        problems.append("no test ran")
    lacking = [reason for _, reason in document["skipped"] if not reason.startswith(NOT_HERE)]
    for reason, count in Counter(lacking).items():
        problems.append(f"{count} skipped: {reason}")
    elsewhere = tuple(
        (test, reason.removeprefix(NOT_HERE))
        for test, reason in document["skipped"]
        if reason.startswith(NOT_HERE)
    )
    return Result(stage, tuple(problems), document["passed"], document["failed"], elsewhere)
