"""The first start of a new image: under QEMU user emulation, or for real where it is native."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, ContainerError

from jetson_kit import engine
from jetson_kit.audit import rules
from jetson_kit.errors import StepFailedError, ToolMissingError
from jetson_kit.files import write_text
from jetson_kit.paths import cache_dir
from jetson_kit.plan import BuildPlan, host_arch
from jetson_kit.progress import Progress

STARTED_BY = "io.mediapipe-jetson.started-by"
BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
# MediaPipe from 1.0 dies at its first inference under user emulation, which has no rseq call.
EMULATED_INFERENCE_BEFORE = 1
# The device wheel and the configuration; MediaPipe and all else that is imported lie below.
OWN_LAYERS = 2
IMPORTS = """
import json, sys
import cv2, mediapipe, numpy, ssl
from mediapipe.tasks.python import vision
from importlib.metadata import distributions
print(json.dumps({
    "python": sys.version.split()[0],
    "machine": __import__("platform").machine(),
    "distributions": {
        d.metadata["Name"]: d.version
        for d in distributions() if d.metadata["Name"] != "mediapipe-jetson"
    },
    "landmarker": vision.FaceLandmarker.__name__,
    "ca_certificates": len(ssl.create_default_context().get_ca_certs()),
}))
"""


@dataclass(frozen=True)
class FirstStart:
    """What the image did when it was started once, as its user, read-only and without network."""

    how: str
    """"native" or "emulated"."""
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


def start(plan: BuildPlan, image: str, progress: Progress) -> FirstStart:
    """Start the image; raise StepFailedError with its own words when it does not work."""
    native = plan.arch == host_arch()
    how = "native" if native else "emulated"
    if not native and not BINFMT.exists():
        raise ToolMissingError(
            "this machine does not run arm64 programs", "run ./inv as root once: it sets up QEMU"
        )
    started = time.monotonic()
    _remove_left()
    with progress.step("smoke", f"first start, {how}") as step:
        with ThreadPoolExecutor(1) as pool:
            importing = pool.submit(_imports, plan, image)
            info = _json(plan, image, ["info", "--json"])
            seen = importing.result()
        selftest: dict[str, Any] | None = None
        reason = ""
        major = int(plan.pin.version.split(".", 1)[0])
        if native or major < EMULATED_INFERENCE_BEFORE:
            frames = [] if native else ["--frames", "1"]
            selftest = _json(plan, image, ["selftest", "--json", *frames])
        else:
            reason = (
                f"MediaPipe {plan.pin.version} can't infer under user emulation (it has no rseq); "
                "on the board: docker run --rm --runtime nvidia IMAGE selftest"
            )
        step.note = f"Python {seen['python']}, inference {'ok' if selftest else 'not run'}"
    return FirstStart(
        how=how,
        python=seen["python"],
        distributions={
            **seen["distributions"],
            "mediapipe-jetson": info["packages"]["versions"]["mediapipe-jetson"],
        },
        info=info,
        inference="ok" if selftest else "not run",
        inference_reason=reason,
        selftest=selftest,
        seconds=round(time.monotonic() - started, 1),
    )


def _imports(plan: BuildPlan, image: str) -> dict[str, Any]:
    """Import what the image holds, once for each set of layers below the device wheel's."""
    layers = engine.diff_ids(engine.client().images.get(image))[:-OWN_LAYERS]
    key = hashlib.sha256("\n".join((*layers, IMPORTS, plan.name)).encode()).hexdigest()
    known = cache_dir("first-start") / f"{key}.json"
    with contextlib.suppress(OSError, ValueError):
        loaded: dict[str, Any] = json.loads(known.read_text(encoding="utf-8"))
        return loaded
    seen = _json(plan, image, ["python3", "-c", IMPORTS])
    write_text(known, json.dumps(seen))
    return seen


def _json(plan: BuildPlan, image: str, command: list[str]) -> dict[str, Any]:
    raw = _run(plan, image, command)
    try:
        found: dict[str, Any] = json.loads(raw)
    except ValueError as error:
        raise StepFailedError(
            f"the image's `{' '.join(command[:2])}` printed no JSON: {_text(raw)[:200]!r}"
        ) from error
    return found


def _remove_left() -> None:
    """Remove the containers of builds that were killed while their image was starting."""
    listed = engine.client().containers.list(
        all=True, filters={"label": STARTED_BY, "status": "exited"}, ignore_removed=True
    )
    for container in listed:
        if not Path("/proc", container.labels[STARTED_BY]).exists():
            with contextlib.suppress(APIError):
                container.remove()


def _run(plan: BuildPlan, image: str, command: list[str]) -> bytes:
    """Run one command in the image with the least rights; return its standard output."""
    options: dict[str, Any] = {
        "platform": plan.platform,
        "remove": True,
        "read_only": True,
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "tmpfs": {"/tmp": "size=64m"},  # noqa: S108
        "environment": _emulated_cpu(plan),
        "labels": {STARTED_BY: str(os.getpid())},
        "stdout": True,
        "stderr": False,
    }
    try:
        output: bytes = engine.client().containers.run(image, command, **options)
    except ContainerError as error:
        words = _text(error.stderr).strip().splitlines()
        raise StepFailedError(
            f"the image's `{' '.join(command[:2])}` ended with {error.exit_status}: "
            + (words[-1] if words else "no message")
        ) from error
    except APIError as error:
        raise StepFailedError(f"the image does not start: {error.explanation}") from error
    return output


def _text(raw: bytes | str | None) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw or ""


def _emulated_cpu(plan: BuildPlan) -> dict[str, str]:
    """Emulate the oldest core that the target has, so that a wheel too new for it shows here."""
    if plan.arch == host_arch():
        return {}
    wanted = {soc.id for soc in plan.socs}
    oldest = next((cpu for cpu in rules.cpus() if wanted & set(cpu.socs)), None)
    return {"QEMU_CPU": oldest.qemu} if oldest else {}
