"""`bench.build`: our way against the plain Dockerfile, same contents, both from cold, one run.

The rival is what users write: FROM a Debian arm64 base, apt-get and pip in RUN lines, under QEMU.
It gets the same packages, the same hash-pinned wheels and the same models. Ours starts from
nothing, so the rival's base is made from nothing too, by mmdebstrap under QEMU; both of its parts
are given, and the ratio to its Dockerfile alone, for those who have the base already.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jetson_kit import device_wheel, engine, images, layers, models, parts, plan, rootfs
from jetson_kit.debian import host_mirror
from jetson_kit.errors import StepFailedError, ToolMissingError
from jetson_kit.files import write_text
from jetson_kit.paths import ROOT, cache_dir
from jetson_kit.plan import BuildPlan, Request
from jetson_kit.progress import Progress
from jetson_kit.run import run as run_program

OUT = ROOT / "bench" / "build.json"
SCHEMA = "mediapipe-jetson-kit/bench-build/1"
BASE_TAG = "mediapipe-jetson-bench:base"
RIVAL_TAG = "mediapipe-jetson-bench:plain"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
EDITED = Path("src/mediapipe_jetson/__init__.py")
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


def run(*, rival: bool = True) -> dict[str, Any]:
    """Measure, and return seconds of wall time; with the rival, write bench/build.json too."""
    if rival and shutil.which("mmdebstrap") is None:
        raise ToolMissingError(
            "the rival's base needs mmdebstrap",
            "install it (apt-get install mmdebstrap), or add --no-rival",
        )
    planned = plan.make(Request(jetson=True))
    progress = Progress()
    result: dict[str, Any] = {"schema": SCHEMA, "plan": planned.name, "cores": os.cpu_count()}
    with _cold_caches():
        result["native_s"], steps = _timed_image(planned)
        result["native_steps_s"] = steps
    result["rebuild_one_file_s"] = _one_file(planned)
    built = images.build(planned, progress)
    result["unpacked_mb"] = round(built.manifest["image"]["size"] / 1e6, 1)
    result["archive_mb"] = round(built.manifest["archive"]["size"] / 1e6, 1)
    result["rebuild_noop_s"] = _command(["build", "--jetson"])
    result["whole_command_steps_s"] = progress.times
    if rival:
        base_s, dockerfile_s = _rival(planned, progress)
        result["emulated_base_s"] = base_s
        result["emulated_dockerfile_s"] = dockerfile_s
        result["emulated_s"] = round(base_s + dockerfile_s, 2)
        result["ratio"] = round(result["emulated_s"] / result["native_s"], 1)
        result["ratio_dockerfile_only"] = round(dockerfile_s / result["native_s"], 1)
        write_text(OUT, json.dumps(result, indent=1) + "\n")
    return result


def _timed_image(planned: BuildPlan, **options: Any) -> tuple[float, dict[str, float]]:  # noqa: ANN401
    progress = Progress()
    started = time.monotonic()
    images.image_only(planned, progress, **options)
    return round(time.monotonic() - started, 2), progress.times


def _one_file(planned: BuildPlan) -> float:
    """Return the time to the image after one Python file of the device wheel has changed."""
    _timed_image(planned)
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp")) as scratch:
        copy = Path(scratch) / "device"
        shutil.copytree(device_wheel.SOURCE, copy)
        with (copy / EDITED).open("a", encoding="utf-8") as out:
            out.write(f"\n# {time.time_ns()}\n")
        return _timed_image(planned, device_source=copy)[0]


def _command(words: list[str]) -> float:
    """Return how long a whole command takes, from the shell to its end."""
    started = time.monotonic()
    done = subprocess.run([ROOT / "inv", *words], capture_output=True, check=False, cwd=ROOT)
    if done.returncode:
        raise StepFailedError(f"./inv {' '.join(words)} failed: {done.stderr.decode()[-300:]}")
    return round(time.monotonic() - started, 2)


@contextmanager
def _cold_caches() -> Iterator[None]:
    """Work with empty caches of our own, of uv and of apt; the user's are left alone.

    BuildKit can't be given an empty cache for a while, so every file gets another time: then no
    layer has bytes that it has seen.
    """
    names = ("KIT_CACHE", "UV_CACHE_DIR")
    before = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="cold-") as scratch:
        for name in names:
            os.environ[name] = str(Path(scratch) / name.lower())
        epoch, layers.EPOCH = layers.EPOCH, int(time.time())
        try:
            yield
        finally:
            layers.EPOCH = epoch
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _rival(planned: BuildPlan, progress: Progress) -> tuple[float, float]:
    """Make the rival's base and then build its Dockerfile without any cache; return both times."""
    made = parts.make(planned, Progress(quiet=True))
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="rival-") as scratch:
        context = Path(scratch)
        (context / "base").mkdir()
        write_text(context / "base" / "Dockerfile", "FROM scratch\nADD rootfs.tar /\n")
        progress.say("        the same by emulation; this takes minutes")
        with progress.step("emulated_base", "its base: mmdebstrap under QEMU"):
            started = time.monotonic()
            run_program(
                [
                    *("mmdebstrap", "--quiet", "--variant=minbase"),
                    *(f"--architectures={planned.arch}", "--include=ca-certificates"),
                    *(planned.suite, context / "base" / "rootfs.tar"),
                ],
                what="mmdebstrap",
            )
            _buildx(context / "base", planned, BASE_TAG)
            base_s = round(time.monotonic() - started, 2)
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
        shutil.copyfile(made.wheel, folder / made.wheel.name)
        device_wheel.build(folder)
        for path in models.fetch(planned.models):
            shutil.copyfile(path, folder / "models" / path.name)
        wanted = [p for p in rootfs.data()["variants"]["runtime"]["packages"] if p != "libc-bin"]
        write_text(folder / "Dockerfile", RIVAL.format(base=BASE_TAG, packages=" ".join(wanted)))
        with progress.step("emulated", "plain Dockerfile: apt-get and pip under QEMU"):
            started = time.monotonic()
            _buildx(folder, planned, RIVAL_TAG)
            return base_s, round(time.monotonic() - started, 2)


def _buildx(context: Path, planned: BuildPlan, tag: str) -> None:
    engine.client()
    done = subprocess.run(
        [
            *(
                "docker",
                "buildx",
                "build",
                "--no-cache",
                "--network",
                "host",
                "--progress",
                "plain",
            ),
            *("--platform", planned.platform, "-t", tag, "--load", str(context)),
        ],
        stdout=sys.stderr if os.environ.get("KIT_BENCH_VERBOSE") else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        lines = [x for x in done.stderr.decode(errors="replace").splitlines() if x.strip()]
        raise StepFailedError(f"building {tag} failed: {' / '.join(lines[-6:])}")
