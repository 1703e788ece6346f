"""Containers of this machine as a fleet: the service as it must run, and each wrong in one way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jetson_kit.core.paths import ROOT
from jetson_kit.service import contract as service

TIMEOUT_S = 600
TASKS = """
from invoke.collection import Collection
from jetson_kit.tasks import doctor, verify
from jetson_kit.command_line import program
program.main(Collection(verify.verify, doctor.doctor))
"""
OTHER_BOOT = "00000000-0000-4000-8000-000000000000"


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a task as ./inv does, in a process of its own."""
    (folder / "tasks.py").write_text(TASKS)
    return subprocess.run(
        [sys.executable, "tasks.py", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def docker(*arguments: str) -> str:
    """Run the Docker client, which must succeed."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True)
class Report:
    """A report that stands on the device from earlier, changed in some way."""

    boot_id: str | None = None
    age_s: float = 0.0

    def put(self, report: Mapping[str, Any], path: Path) -> None:
        """Write it."""
        changed = {**report, "time_s": time.time() - self.age_s}
        changed["boot_id"] = self.boot_id or report["boot_id"]
        # The time since the start counts before the clock's, which somebody may set.
        changed["uptime_s"] = report["uptime_s"] - self.age_s
        path.write_text(json.dumps(changed))
        path.chmod(0o644)


@dataclass(frozen=True)
class Mutant:
    """A host that is not as it must be, and for each test that must fail a part of its message."""

    tells: Mapping[str, str]
    words: Sequence[str] = ()
    without: Sequence[str] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    image: Callable[[str], str] = str
    environment: Mapping[str, str] = field(default_factory=dict)
    standing: Report | None = None

    def arguments(self, own: service.Service, image: str, device: service.Device) -> list[str]:
        """Return the arguments after `docker run`."""
        merged = replace(own, environment={**own.environment, **self.environment})
        arguments = service.run_arguments(merged, self.image(image), device)
        return ["--detach", *self.words, *(word for word in arguments if word not in self.without)]


def derived(image: str) -> str:
    """Return another image with the same files."""
    name = docker("create", image)
    try:
        return docker("commit", "--change", "LABEL other=yes", name)
    finally:
        docker("rm", name)


MUTANTS = {
    "extra-capability": Mutant(
        {"test_capabilities": "added capability: CAP_NET_RAW is there and must not be"},
        words=("--cap-add", "NET_RAW"),
    ),
    "extra-mount": Mutant(
        {"test_mounts": "mount point: /extra is there and must not be"},
        words=("--volume", "/etc:/extra:ro"),
    ),
    "extra-device": Mutant(
        {"test_devices": "device node: /dev/extra is there and must not be"},
        words=("--device", "/dev/zero:/dev/extra"),
    ),
    "extra-group": Mutant(
        {"test_user_and_groups": "group: 4321 is there and must not be"},
        words=("--group-add", "4321"),
    ),
    "new-privileges": Mutant(
        {"test_privilege": "no_new_privs: expected '1', found '0'"},
        without=("--security-opt", "no-new-privileges"),
    ),
    "writable-root": Mutant(
        {"test_root_is_read_only": "the root file system is mounted writable"},
        without=("--read-only",),
    ),
    "wrong-expectation": Mutant(
        {"test_verify_says_what_is_expected": "expected cpu, found software"},
        variables={"mediapipe_expect": "cpu"},
    ),
    "no-gpu": Mutant(
        {
            "test_the_nvidia_runtime_is_registered": "Docker does not know the nvidia runtime",
            "test_the_toolkit_is_none_known_to_be_broken": "nvidia-ctk is not there",
            "test_verify_says_what_is_expected": "expected gpu, found software",
        },
        variables={"mediapipe_expect": "gpu"},
    ),
    "other-boot": Mutant(
        {"test_standing_report_is_fresh": "[other-boot]"}, standing=Report(boot_id=OTHER_BOOT)
    ),
    "old-report": Mutant(
        {"test_standing_report_is_fresh": "[stale-report]"},
        variables={"mediapipe_report_max_age_s": 300},
        standing=Report(age_s=900),
    ),
    "wrong-image": Mutant({"test_image": "image: expected 'sha256:"}, image=derived),
    "wrong-digest": Mutant(
        {
            "test_the_report_names_the_image_that_runs": "the report names the image sha256:0",
            "test_runtime_and_variables": "MEDIAPIPE_JETSON_IMAGE_DIGEST: expected 'sha256:",
        },
        environment={"MEDIAPIPE_JETSON_IMAGE_DIGEST": "sha256:0"},
    ),
    "unset-driver": Mutant(
        {"test_runtime_and_variables": "NVIDIA_VISIBLE_DEVICES: expected 'all', found 'void'"},
        environment={"NVIDIA_VISIBLE_DEVICES": "void"},
    ),
    "other-l4t": Mutant(
        {"test_the_release_is_known": "the inventory expects 36.4.4"},
        variables={"mediapipe_l4t": "36.4.4"},
    ),
}
