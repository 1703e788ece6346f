"""A rollout as a user starts it: the command as a process, its journal read while it goes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import KitError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record

POLL_S = 0.05
PROC = Path("/proc")


def command(*arguments: str) -> list[str]:
    """Return what `./inv ARGUMENTS` runs, without its set-up."""
    return [sys.executable, str(ROOT / "tasks.py"), *arguments]


@dataclass
class RolloutProcess:
    """A rollout that runs; `output` gets what it prints."""

    child: subprocess.Popen[bytes]
    output: Path
    rollouts: Path
    """Folder of the journals."""
    before: frozenset[str]
    """Those that were there before it."""
    number: str = ""
    """Id of the rollout that it goes on with; "" is a new one."""

    @property
    def journal(self) -> Path | None:
        """Return its journal, None before it has begun one."""
        if self.number:
            return self.rollouts / f"{self.number}.jsonl"
        new = [path for path in self.rollouts.glob("*.jsonl") if path.name not in self.before]
        return new[0] if new else None

    @property
    def record(self) -> Record | None:
        """Return what its journal says, None before the first whole line."""
        try:
            return journals.read(self.journal) if self.journal else None
        except KitError:
            if self.journal and self.journal.read_bytes().count(b"\n"):
                raise
            return None

    def until(self, step: str, limit_s: float, seen: int = 0) -> bool:
        """Wait for the journal to say that a step begins; False if the rollout ended before.

        `step` is the journal's word, or "wave N", or "" for any; `seen` lines of it are passed
        over. Raises StepFailedError after `limit_s`.
        """
        end = time.monotonic() + limit_s
        while _count(self.journal, step) <= seen:
            if self.child.poll() is not None:
                return _count(self.journal, step) > seen
            if time.monotonic() > end:
                raise StepFailedError(f"no {step} within {limit_s:.0f} s; see {self.output}")
            time.sleep(POLL_S)
        return True

    def count(self, step: str) -> int:
        """Return how often the journal says that a step began; "" is any."""
        return _count(self.journal, step)

    def kill(self, *, all_of_it: bool) -> bool:
        """Kill it, alone or with all that it started; False if it had ended before."""
        result = descendants(self.child.pid) if all_of_it else ()
        if self.child.poll() is not None:
            return False
        self.child.kill()
        for pid in result:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return self.child.wait() == -signal.SIGKILL

    def end(self, limit_s: float) -> int:
        """Wait for its end; return the exit code. Raises StepFailedError after `limit_s`."""
        try:
            return self.child.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill(all_of_it=True)
            raise StepFailedError(
                f"a rollout did not end within {limit_s:.0f} s; see {self.output}"
            ) from None
        except BaseException:
            self.kill(all_of_it=True)
            raise


def start(
    arguments: Sequence[str],
    env: Mapping[str, str],
    output: Path,
    rollouts: Path,
    number: str = "",
) -> RolloutProcess:
    """Start a command of the fleet."""
    rollouts.mkdir(parents=True, exist_ok=True)
    before = frozenset(path.name for path in rollouts.glob("*.jsonl"))
    with output.open("ab") as out:
        child = subprocess.Popen(
            command(*arguments), env=dict(env), cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    return RolloutProcess(child, output, rollouts, before, number)


def _count(journal: Path | None, step: str) -> int:
    if journal is None:
        return 0
    value = 0
    for text in journal.read_bytes().split(b"\n")[:-1]:
        line = json.loads(text)
        if line["event"] == "doing":
            value += line["step"] == step
            value += not step
        elif line["event"] == "wave" and not line["done"]:
            value += step == f"wave {line['wave']}"
    return value


def descendants(pid: int) -> tuple[int, ...]:
    """Return the processes that a process started, and theirs."""
    parents: dict[int, list[int]] = {}
    for entry in PROC.glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    result: list[int] = []
    todo = [pid]
    while todo:
        new = parents.get(todo.pop(), [])
        result += new
        todo += new
    return tuple(result)
