"""A controller with records of its own, and the devices of its inventory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from tests.fleet import known, small_release
from tests.fleet.board import Board
from tests.fleet.boards import Boards

# The tasks as ./inv has them below fleet.
FRONT = """\
from jetson_kit.command_line import program
from jetson_kit.tasks import fleet
program.main(fleet.collection())
"""
QUICK = ("--canary", "1", "--batches", "2", "--soak", "1", "--verify", "none")
# Stands for the verifier: it leaves the report where it is told to.
VERIFY = b"""#!/bin/sh
while [ $# -gt 1 ]; do test "$1" != --json || out="$2"; shift; done
cat /report > "$out"
"""
HANGS_S = 900
# Short, so that the trials of the tests are.
SETTINGS = {"service_healthy_limit_s": 12, "image_retries": 1, "image_retry_delay_s": 1}


@dataclass
class Site:
    """Devices and their controller; `ready` is whether they are provisioned."""

    boards: Boards
    folder: Path
    env: dict[str, str]
    key: Path
    ready: bool = False
    board: Board | None = None
    made: list[Release] = field(default_factory=list)

    @classmethod
    def begin(cls, boards: Boards, folder: Path) -> Site:
        """Make the key, and say in the inventory what holds for all hosts."""
        key = folder / "config" / "key"
        public = signing.make_key(key, "test", passphrase=False)
        env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
        env["XDG_CONFIG_HOME"] = str(folder / "config")
        env.pop("KIT_STATE", None)
        site = cls(boards, folder, env, key)
        site.say(image_allowed_signers=signing.signers([public]), **SETTINGS)
        return site

    def say(self, **variables: Any) -> None:
        """Let the inventory say more, or other things, of all hosts."""
        place = self.inventory.parent / "group_vars" / "all.yml"
        place.parent.mkdir(exist_ok=True)
        body = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
        place.write_text(json.dumps({**body, **variables}), encoding="utf-8")
        self.ready = False

    @property
    def names(self) -> list[str]:
        """Return the devices' names."""
        return [host.name for host in self.boards.hosts]

    @property
    def inventory(self) -> Path:
        """Return the inventory."""
        return self.boards.inventory

    def provision(self) -> None:
        """Provision those roles that images need, unless it was done."""
        if not self.ready:
            self.task("provision", "-i", str(self.inventory), "--tags", "image,service")
            self.ready = True

    def release(
        self,
        kind: str = small_release.GOOD,
        report: dict[str, Any] | None = None,
        bulk: int = 200_000,
    ) -> Release:
        """Return a new release; its `python3 -m mediapipe_jetson verify` gives that report."""
        name = f"v{len(self.made) + 1}-{self.folder.name}"
        files = {"bin/python3": VERIFY, "report": json.dumps(report).encode()} if report else {}
        result = small_release.build(self.folder / name, name, kind=kind, files=files, bulk=bulk)
        signing.sign(result.path, self.key)
        self.made.append(result)
        return result

    def words(self, *arguments: str) -> list[str]:
        """Return the command of a task."""
        return [sys.executable, "-c", FRONT, *arguments]

    def task(self, *arguments: str, code: int | None = 0, env: dict[str, str] | None = None) -> str:
        """Run a task that ends with `code` (None: any); return what it printed, or an error."""
        done = subprocess.run(
            self.words(*arguments),
            env={**self.env, **(env or {})},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=HANGS_S,
        )
        assert code in (None, done.returncode), (
            f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}"
        )
        return done.stdout if code == 0 or "--json" in arguments else done.stderr

    def rollout(
        self, release: Release, *arguments: str, code: int = 0, env: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Roll a release out; return the result."""
        task = self.task(
            "rollout", str(release.folder), "-i", str(self.inventory), "--json",
            *(QUICK[:-2] if "--verify" in arguments else QUICK), *arguments, code=code, env=env,
        )  # fmt: skip
        document: dict[str, Any] = json.loads(task)
        return document

    def records(self, rollout: str) -> Path:
        """Return the folder of a rollout's log and results."""
        return self.folder / "state" / "mediapipe-jetson-kit" / "fleet" / "rollouts" / rollout

    def status(self) -> dict[str, Any]:
        """Return what `fleet.status --json` says."""
        task = self.task("status", "-i", str(self.inventory), "--json")
        document: dict[str, Any] = json.loads(task)
        return document

    def running(self) -> list[str]:
        """Return what docker runs on each, asked without the program."""
        return [known.image_id(self.boards.sh(known.ASK, at)) for at in range(len(self.names))]

    def truth(self) -> None:
        """Check that both views agree, and that what they say runs."""
        body = self.status()
        assert not body["drift"], body
        message = [body["hosts"][name]["device"]["image_id"] for name in self.names]
        assert self.running() == message

    def wait_for(self, script: str, at: int, limit_s: float = 60.0) -> None:
        """Wait until a script succeeds on a device."""
        end = time.monotonic() + limit_s
        while self.boards.sh(f"({script}) >/dev/null 2>&1 && echo yes || echo no", at) != "yes\n":
            assert time.monotonic() < end, script
            time.sleep(0.3)
