"""The plain Dockerfile under emulation, and its base, made by mmdebstrap under emulation too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from docker.errors import DockerException

from bench.machines import host
from jetson_kit.build import parts
from jetson_kit.build.plan import BuildPlan
from jetson_kit.containers import engine
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.core.run import run as run_program
from jetson_kit.debian import rootfs
from jetson_kit.debian.apt import host_mirror
from jetson_kit.models import bundles as models
from jetson_kit.wheels import device_wheel

BASE_TAG = "mediapipe-jetson-bench:base"
RIVAL_TAG = "mediapipe-jetson-bench:plain"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
RIVAL = """\
FROM {base}
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY sources.list /etc/apt/sources.list
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends {packages} python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.txt *.whl /tmp/wheels/
RUN python3 -m venv /opt/mediapipe \
 && /opt/mediapipe/bin/pip install --no-cache-dir --require-hashes -r /tmp/wheels/requirements.txt \
 && /opt/mediapipe/bin/pip install --no-cache-dir --no-deps /tmp/wheels/*.whl
COPY models /opt/mediapipe/models
RUN useradd --uid 10001 --create-home mediapipe
USER 10001:10001
"""


def run(planned: BuildPlan, progress: Progress, *, base: bool) -> tuple[float, float]:
    """Build the Dockerfile without any cache; return the seconds of its base and its own.

    Its base is made first where `base` asks for that (0 where not).
    """
    result = parts.make(planned, Progress(quiet=True))
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="rival-") as scratch:
        context = Path(scratch)
        base_s = _base(context / "base", planned, progress) if base else 0.0
        folder = context / "plain"
        (folder / "models").mkdir(parents=True)
        mirror = host_mirror()
        write_text(
            folder / "sources.list",
            f"deb {mirror.main} {planned.suite} main\n"
            f"deb {mirror.main} {planned.suite}-updates main\n"
            f"deb {mirror.security} {planned.suite}-security main\n",
        )
        shutil.copyfile(CERTIFICATES, folder / "ca-certificates.crt")
        shutil.copyfile(planned.lock, folder / "requirements.txt")
        shutil.copyfile(result.wheel, folder / result.wheel.name)
        device_wheel.build(folder)
        for path in models.fetch(planned.models):
            shutil.copyfile(path, folder / "models" / path.name)
        packages = [p for p in rootfs.data()["variants"]["runtime"]["packages"] if p != "libc-bin"]
        write_text(folder / "Dockerfile", RIVAL.format(base=BASE_TAG, packages=" ".join(packages)))
        with progress.step("emulated", "plain Dockerfile: apt-get and pip under QEMU"):
            started = time.monotonic()
            _buildx(folder, planned, RIVAL_TAG)
            took = round(time.monotonic() - started, 2)
        _remove(RIVAL_TAG)
        return base_s, took


def remove_base() -> None:
    """Remove what later rounds needed."""
    _remove(BASE_TAG)


def _remove(tag: str) -> None:
    with suppress(DockerException):
        engine.client().images.remove(tag, force=True)


def _base(folder: Path, planned: BuildPlan, progress: Progress) -> float:
    """Make the rival's base; return its seconds."""
    folder.mkdir()
    write_text(folder / "Dockerfile", "FROM scratch\nADD rootfs.tar /\n")
    with progress.step("emulated_base", "the rival's base: mmdebstrap under QEMU, some minutes"):
        started = time.monotonic()
        run_program(
            [
                *host.apart(),
                *("mmdebstrap", "--quiet", "--variant=minbase"),
                *(f"--architectures={planned.arch}", "--include=ca-certificates"),
                *(planned.suite, folder / "rootfs.tar"),
            ],
            what="mmdebstrap",
        )
        _buildx(folder, planned, BASE_TAG)
        return round(time.monotonic() - started, 2)


def _buildx(context: Path, planned: BuildPlan, tag: str) -> None:
    engine.client()
    done = subprocess.run(
        [
            *("docker", "buildx", "build", "--builder", "default", "--no-cache"),
            *("--network", "host", "--progress", "plain"),
            *("--platform", planned.platform, "-t", tag, "--load", str(context)),
        ],
        stdout=sys.stderr if os.environ.get("KIT_BENCH_VERBOSE") else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        lines = [x for x in done.stderr.decode(errors="replace").splitlines() if x.strip()]
        raise StepFailedError(f"building {tag} failed: {' / '.join(lines[-6:])}")
