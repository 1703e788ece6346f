"""The first start of a new image, one inference included: emulated, or for real where it is native.

An arm64 image starts on the oldest core that its target has, under QEMU user emulation. On an arm64
machine it starts as it is, unless the machine's own cores are older than the image's boards.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from docker.errors import APIError, ContainerError

from jetson_kit.build.plan import BuildPlan
from jetson_kit.containers import engine, owned, podman
from jetson_kit.core import stopping
from jetson_kit.core.errors import StepFailedError, ToolMissingError
from jetson_kit.core.machine import host_arch
from jetson_kit.core.progress import Progress
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation import own_core

EMULATED_FRAMES = 1
NATIVE_FRAMES = 5
COMMAND = ("python3", "-m", "mediapipe_jetson.first_start")
NOT_STARTED = "not started"
LEFT_OUT = "the first start was left out (--no-start)"


@dataclass(frozen=True)
class FirstStart:
    """What the image did when it was started once, as its user, read-only and without network."""

    how: str
    """"native", "emulated", or "not started"."""
    cpu: str
    """The emulated core; "" for a native start or none."""
    python: str
    distributions: dict[str, str]
    info: dict[str, Any]
    inference: str
    """"ok" or "not run"."""
    inference_reason: str
    selftest: dict[str, Any] | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return it as the build manifest keeps it."""
        return asdict(self)


def not_started(plan: BuildPlan, reason: str = LEFT_OUT) -> FirstStart:
    """Return what a build knows of an image that it did not start."""
    return FirstStart(NOT_STARTED, "", plan.python, {}, {}, "not run", reason, None, 0.0)


def start(plan: BuildPlan, image: str, progress: Progress) -> FirstStart:
    """Start the image and infer, where this machine's processor can.

    Raises StepFailedError with the image's own words when it does not work.
    """
    native = plan.arch == host_arch()
    if native and (reason := own_core.unfit(plan.jetson_version)):
        reason = f"{reason}; start it on one of its boards"
        progress.say(f"        not started: {reason}")
        return not_started(plan, reason)
    cpu = None if native else emulation.oldest(soc.id for soc in plan.socs)
    options: dict[str, Any] = {"environment": {}, "mounts": []}
    if cpu:
        try:
            emulation.require(image)
            options = emulation.container_options(cpu, image)
        except ToolMissingError as error:
            cure = f"{error.cure}; until then --no-start builds"
            raise ToolMissingError(error.message, cure) from error
    where = f"emulated {cpu.name}" if cpu else "native"
    started = time.monotonic()
    owned.remove_left()
    with progress.step("smoke", f"first start and inference, {where}") as step:
        frames = EMULATED_FRAMES if cpu else NATIVE_FRAMES
        raw = _run(plan, image, [*COMMAND, str(frames)], options)
        try:
            facts: dict[str, Any] = json.loads(raw)
        except ValueError as error:
            raise StepFailedError(f"the image printed no JSON: {_text(raw)[:200]!r}") from error
        if facts["selftest"]["verdict"] != "pass":
            raise StepFailedError(f"the image does not infer: {facts['selftest']['message']}")
        step.note = f"Python {facts['python']}, {facts['selftest']['landmarks']} landmarks"
    return FirstStart(
        how="emulated" if cpu else "native",
        cpu=cpu.name if cpu else "",
        python=facts["python"],
        distributions=facts["distributions"],
        info=facts["info"],
        inference="ok",
        inference_reason="",
        selftest=facts["selftest"],
        seconds=round(time.monotonic() - started, 1),
    )


def _run(plan: BuildPlan, image: str, command: list[str], more: dict[str, Any]) -> bytes:
    """Run one command in the image with the least rights; return its standard output."""
    options: dict[str, Any] = {
        "platform": plan.platform,
        "init": True,
        "remove": True,
        "read_only": True,
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "tmpfs": {"/tmp": "size=64m"},  # noqa: S108
        # On a slow machine the image's own check would run beside it, and take its time.
        "healthcheck": {"test": ["NONE"]},
        "labels": owned.labels(),
        "stdout": True,
        "stderr": False,
        **more,
    }
    stopping.ends_by(owned.remove_own)
    stopping.check()
    try:
        output: bytes = engine.client().containers.run(image, command, **options)
    except ContainerError as error:
        lines = _text(error.stderr).strip().splitlines()
        raise StepFailedError(
            f"the image's first start ended with {error.exit_status}: "
            + (lines[-1] if lines else "no message")
        ) from error
    except APIError as error:
        raise podman.not_started("the image", error) from error
    return output


def _text(raw: bytes | str | None) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw or ""
