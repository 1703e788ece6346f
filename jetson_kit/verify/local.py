"""Run the device wheel's verify on this machine: in an image as the service runs, or in a venv."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker.errors
import docker.types
import jsonschema
import requests

from jetson_kit.build.plan import make
from jetson_kit.build.request import Request
from jetson_kit.containers import engine, owned, podman
from jetson_kit.core import uv
from jetson_kit.core.errors import (
    BadInputError,
    BrokenError,
    CheckFailedError,
    IntegrityError,
    StepFailedError,
)
from jetson_kit.core.files import locked, sha256_file, write_text
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import cache_dir
from jetson_kit.emulation import cores as emulation
from jetson_kit.models import bundles as models
from jetson_kit.service import contract as service
from jetson_kit.service.expectation import check_tasks, usual_tasks
from jetson_kit.wheels import device_wheel, repack
from jetson_kit.wheels import pins as wheels

SCHEMA = device_wheel.SOURCE / "src" / "mediapipe_jetson" / "data" / "verify.schema.json"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
EXPECTED = ("gpu", "software", "cpu")
# The driver's own node: a PC with an NVIDIA card has it.
CARD = Path("/dev/nvidiactl")
LEVELS = ("quick", "full", "soak")
# The device side gives each process 300 s; a first run compiles shaders.
LIMIT_S = {"quick": 900.0, "full": 5400.0, "soak": 5400.0}
# The report comes back as the last thing on standard output: nothing of the host is mounted.
SCRIPT = 'python3 -m mediapipe_jetson verify --json /tmp/r.json "$@" >&2; cat /tmp/r.json'


@dataclass(frozen=True)
class VerifyOptions:
    """What is asked of verify; empty `tasks` are the level's own, `minutes` are for soak."""

    tasks: tuple[str, ...] = ()
    level: str = "quick"
    minutes: float = 0.0
    expect: str = "gpu"

    def check(self) -> None:
        """Raise BadInputError for what verify does not know."""
        check_tasks(self.tasks)
        for name, value, allowed in (
            ("--level", self.level, LEVELS),
            ("--expect", self.expect, EXPECTED),
        ):
            if value not in allowed:
                raise BadInputError(f"{name} {value!r}?", f"choose one of {', '.join(allowed)}")
        if (self.level == "soak") != (self.minutes > 0):
            raise BadInputError("--level soak and --minutes need each other", "give both")

    def arguments(self) -> list[str]:
        """Return the device side's options."""
        result = [word for task in self.tasks for word in ("--task", task)]
        result += ["--level", self.level, "--expect", self.expect]
        return result + (["--minutes", f"{self.minutes:g}"] if self.minutes else [])

    @property
    def limit_s(self) -> float:
        """Return how long all of it may take, in seconds."""
        return LIMIT_S[self.level] + self.minutes * 60 * len(self.tasks or usual_tasks())


def native_tag(variant: str) -> str:
    """Return the tag of the image that `./inv build` makes for this machine."""
    return make(Request(variant=variant)).tag


def in_image(reference: str, requested: VerifyOptions) -> dict[str, Any]:
    """Run verify in a local image, with the service's rights; return its report.

    Raises BadInputError without such an image, StepFailedError where it does not answer.
    """
    requested.check()
    image = engine.image(reference)
    if image is None:
        raise BadInputError(
            f"there is no image {reference} here", "build it: ./inv build, or name one by --image"
        )
    client = engine.client()
    emulated = image.attrs["Architecture"] == "arm64" != host_arch()
    # NVIDIA's would give an emulated core this machine's drivers, of which it can use none.
    device = service.local_device(() if emulated else client.info()["Runtimes"])
    command = ("sh", "-c", SCRIPT, "verify", *requested.arguments())
    own = replace(service.load().throwaway(), command=command)
    options = service.run_options(own, str(image.id), device)
    if not emulated and not device.nvidia_runtime and CARD.exists():
        options |= with_card(options["environment"])
    if emulated:
        emulation.require(str(image.id))
        more = emulation.container_options(emulation.core_of(image), str(image.id))
        options["environment"] |= more.pop("environment")
        options |= more
    container = None
    try:
        container = client.containers.run(**options, labels=owned.labels(), detach=True)
        container.wait(timeout=requested.limit_s)
        raw = container.logs(stdout=True, stderr=False)
        output = container.logs(stdout=False, stderr=True).decode(errors="replace")
    except docker.errors.APIError as error:
        raise podman.not_started("the image", error) from error
    except requests.exceptions.RequestException as error:
        raise StepFailedError(f"verify gave no answer within {requested.limit_s:.0f} s") from error
    finally:
        if container is not None:
            with contextlib.suppress(docker.errors.APIError):
                container.remove(force=True)
    return checked(raw, output)


def with_card(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of `docker run --gpus all`: an engine may know that, and no runtime."""
    request = docker.types.DeviceRequest(count=-1, capabilities=[["gpu"]])
    own = dict(service.load().nvidia_environment)
    return {"device_requests": [request], "environment": {**environment, **own}}


def in_venv(place: Path | None, options: VerifyOptions) -> dict[str, Any]:
    """Run verify in a virtual environment; return its report.

    Without `place` it is the kit's own, cached by what it is made of; an environment that is there
    is used as it is, else one is made. Raises BadInputError for a folder that is none.
    """
    options.check()
    python = _given(place) if place else environment()
    folder = models.fetch()[0].parent
    with tempfile.TemporaryDirectory(prefix="verify-") as name:
        path = Path(name, "report.json")
        command = [python, "-m", "mediapipe_jetson", "verify", "--models", folder, "--json", path]
        try:
            done = subprocess.run(
                [*map(str, command), *options.arguments()],
                # Nothing of the user's current folder is imported.
                env={**os.environ, "PYTHONSAFEPATH": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=options.limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise StepFailedError(
                f"verify gave no answer within {options.limit_s:.0f} s"
            ) from error
        output = done.stderr.decode(errors="replace")
        return checked(path.read_bytes() if path.exists() else b"", output)


@dataclass(frozen=True)
class Wheels:
    """What an environment is made of, for this machine and this Python."""

    lock: Path
    own: tuple[Path, ...]

    @property
    def key(self) -> str:
        """Return one hash of their bytes."""
        hashes = [sha256_file(path) for path in (self.lock, *self.own)]
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    def install(self, folder: Path) -> None:
        """Make the environment `folder` of them, whatever was there."""
        python = uv.make_environment(folder)
        uv.install(python, "--require-hashes", "--requirement", self.lock)
        uv.install(python, "--no-deps", *self.own)


def _wheels() -> Wheels:
    """Return the same wheels that an image for this machine holds."""
    arch = host_arch()
    pin = wheels.select(arch, PYTHON)
    official = repack.build(pin, cache_dir("wheels"))
    own = device_wheel.build_platform(cache_dir("wheels", device_wheel.fingerprint()[:16]), arch)
    return Wheels(wheels.lock_for(pin.wheel_class, arch, PYTHON), (official, own))


def environment() -> Path:
    """Return the Python of the kit's own environment, made where it is not cached.

    Raises BadInputError for a Python without wheels, NetworkError, StepFailedError.
    """
    result = _wheels()
    folder = cache_dir("verify-venv") / f"py{PYTHON}-{result.key[:16]}"
    with locked(cache_dir("locks") / f"verify-venv-{folder.name}.lock", lambda: None):
        # Written last: a killed run leaves an environment without it.
        done = folder / "complete"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            result.install(folder)
            write_text(done, f"{result.key}\n")
    return folder / "bin" / "python"


def _given(place: Path) -> Path:
    """Return the Python of an environment that the user named, made where nothing is."""
    folder = place.expanduser().absolute()
    python = folder / "bin" / "python"
    if not python.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadInputError(
                f"{place} is no virtual environment", "name one, or a folder that is not there yet"
            )
        _wheels().install(folder)
    requested = [str(python), "-c", "import mediapipe, mediapipe_jetson"]
    if subprocess.run(requested, capture_output=True, check=False).returncode:
        raise BadInputError(
            f"{place} has not both mediapipe and mediapipe_jetson",
            "install them there, or give --venv without a folder: the kit makes one",
        )
    return python


def checked(raw: bytes, output: str = "") -> dict[str, Any]:
    """Return the report if it fits its schema.

    Raises StepFailedError with verify's last words if it left none, IntegrityError if it is odd.
    """
    if not raw.strip():
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        raise StepFailedError(f"verify left no report: {lines[-1] if lines else 'no message'}")
    try:
        document: dict[str, Any] = json.loads(raw)
        jsonschema.validate(document, _schema())
    except (ValueError, jsonschema.ValidationError) as error:
        first = str(error).splitlines()[0]
        raise IntegrityError(
            f"verify's report does not fit its schema: {first}", "build image and kit anew"
        ) from error
    return document


@functools.cache
def _schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return document


def verdict_code(report: Mapping[str, Any]) -> int:
    """Return 0 if as expected, else the code of a broken one, or of a negative verdict."""
    if report["as_expected"]:
        return 0
    return (BrokenError if report["verdict"] == "broken" else CheckFailedError).exit_code
