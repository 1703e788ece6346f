"""A controller of its own: the fleet's tasks by ./inv, on an inventory that a user could write."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.core.paths import ROOT

# For an emulated processor, which needs its time for each step.
SLOW_PLAN = """\
canary = 1
soak_s = 5
poll_s = 5
step_limit_s = 3600
verify = "quick"
"""


@dataclass(frozen=True)
class Controller:
    """Tasks on the hosts of an inventory; `times` is what they took, in seconds."""

    folder: Path
    times: dict[str, float] = field(default_factory=dict)

    @property
    def inventory(self) -> Path:
        """Return the inventory's folder."""
        return self.folder / "site"

    def begin(self, hosts: Path, **variables: Any) -> None:
        """Make the key, and the inventory out of that of the devices."""
        signers = self.task("fleet.key", "--no-passphrase").strip()
        (self.inventory / "group_vars").mkdir(parents=True)
        shutil.copy(hosts, self.inventory / "hosts.yml")
        body = {"image_allowed_signers": signers, **variables}
        (self.inventory / "group_vars" / "all.yml").write_text(json.dumps(body, indent=1))

    def task(
        self, *arguments: str | Path, code: int = 0, limit_s: float = 3600.0, name: str = ""
    ) -> str:
        """Run a task that ends with `code`; return its output, or an error's message."""
        began = time.monotonic()
        done = subprocess.run(
            [ROOT / "inv", *arguments],
            cwd=ROOT,
            env={
                **os.environ,
                "KIT_STATE": str(self.folder / "state"),
                "XDG_CONFIG_HOME": str(self.folder / "config"),
            },
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
        self.times[name or str(arguments[0])] = round(time.monotonic() - began, 1)
        assert done.returncode == code, (
            f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout if code == 0 or "--json" in arguments else done.stderr

    def rollout(self, build: Path, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
        """Roll a build out; return the result."""
        task = self.task(
            "fleet.rollout", build, "-i", self.inventory, "--json", *arguments, code=code,
            name=f"rollout {build.name}",
        )  # fmt: skip
        document: dict[str, Any] = json.loads(task)
        return document

    def reports(self, rollout: str) -> Path:
        """Return the folder of a rollout's verification reports."""
        return self.folder / "state" / "fleet" / "rollouts" / rollout / "reports"
