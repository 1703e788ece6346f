"""The tasks of `devices` as a program of their own: what ./inv runs, without its set-up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from invoke.collection import Collection

from jetson_kit.command_line import program
from jetson_kit.core.paths import ROOT
from jetson_kit.tasks import devices
from jetson_kit.virtual_devices import leftovers, store

TIMEOUT_S = 900.0


def _main() -> None:
    outer = Collection()
    outer.add_collection(devices.collection())
    program.main(outer)


class Front:
    """Runs the tasks on a state folder of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.env = {**os.environ, "KIT_STATE": str(state)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a task and do not wait."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.devices.front", *arguments],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(
        self, *arguments: str, timeout_s: float = TIMEOUT_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a task to its end."""
        child = self.start(*arguments)
        try:
            out, err = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise
        return subprocess.CompletedProcess(arguments, child.returncode, out, err)

    def must(self, *arguments: str) -> str:
        """Run a task that has to succeed; return what it printed."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def listed(self) -> list[dict[str, Any]]:
        """Return what `devices.list --json` says."""
        document: list[dict[str, Any]] = json.loads(self.must("devices.list", "--json"))
        return document

    def status(self, name: str) -> str:
        """Return the status of a device as `devices.list` gives it."""
        return next(str(item["status"]) for item in self.listed() if item["name"] == name)

    def inside(self, name: str, script: str) -> str:
        """Run a script in a device; return what it printed."""
        return self.must("devices.ssh", name, "--", script)

    def left(self) -> list[str]:
        """Return all that is there of this state folder: see leftovers.found."""
        before = os.environ.get("KIT_STATE")
        os.environ["KIT_STATE"] = str(self.state)
        try:
            mark = store.state_id()
        finally:
            os.environ.pop("KIT_STATE")
            if before is not None:
                os.environ["KIT_STATE"] = before
        return sorted(leftovers.find(self.state, mark))


if __name__ == "__main__":
    _main()
