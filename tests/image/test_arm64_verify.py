"""verify on arm64 cores under user emulation, on the CPU and by the GPU's graph on software GL.

What needs a kernel of its own (provisioning, systemd, an engine) is in tests/devices/test_arm64.py.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jetson_kit.verify import local as verify
from tests.device.board import EDIT, IN_SOFTWARE, RENAMED
from tests.image.kit import NEEDS, Image, docker, inv

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
TASK = "FaceLandmarker"
# Of the picture's size.
CPU_TOLERANCE = 1e-3
GPU_TOLERANCE = 5e-3
LIMIT_S = 540
# Every report comes back as a line of standard output; what people read goes to standard error.
BEGIN = "cd /tmp; show() { tr -d '\\n' <$1; echo; }; verify() { python3 -m mediapipe_jetson verify "
BEGIN += f'--timeout {LIMIT_S} --task {TASK} "$@" >&2; echo $?; }}\n'
ON_CPU = "verify --delegate cpu --expect cpu --json r.json; show r.json\n"
# The report is then edited to claim a GPU, and judged again.
IN_GL = """\
verify --expect software --json r.json; show r.json
python3 -c "$0" r.json edited.json gpu; show edited.json
verify --read edited.json --json again.json --expect gpu; show again.json
"""
WITHOUT_DEVICES = "verify --json r.json; show r.json\n"
Points = list[list[float]]


@dataclass(frozen=True)
class Verified:
    """A run of verify: its exit code and its report."""

    code: int
    report: dict[str, Any]

    @property
    def points(self) -> Points:
        """Return the points of the run that the report is about."""
        return points_of(self.report, "run")


def points_of(report: dict[str, Any], run: str) -> Points:
    points: Points = report["observations"]["tasks"][TASK][run]["result"]["points"]
    assert len(points) == 478
    return points


def emulated_run(image: Image, script: str, **variables: str) -> list[str]:
    """Run a script in an image on its emulated core; return the lines of its output."""
    options = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    command = ("sh", "-c", BEGIN + script, EDIT)
    done = inv("emulate", image.id, "--timeout", str(LIMIT_S), *options, "--", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def parsed(code: str, raw: str) -> Verified:
    report = json.loads(raw)
    jsonschema.validate(report, json.loads(verify.SCHEMA.read_text(encoding="utf-8")))
    return Verified(int(code), report)


@pytest.fixture(scope="module")
def on_cpu(emulated: Image) -> Verified:
    return parsed(*emulated_run(emulated, ON_CPU))


@pytest.fixture(scope="module")
def in_gl(emulated: Image) -> list[str]:
    """Return what the GPU's graph gives by Mesa's rasterizer under NVIDIA's name."""
    return emulated_run(emulated, IN_GL, **IN_SOFTWARE)


@pytest.fixture(scope="module")
def x86(native_emulated: Image) -> dict[str, Points]:
    """Return the points of this machine's own image: on the CPU, and by the GPU's graph."""
    script = f"verify --expect software --task {TASK} --json /tmp/r.json >&2; cat /tmp/r.json"
    done = docker(
        *("run", "--rm", "--init", "--env", f"force_gl_renderer={RENAMED}"),
        *(native_emulated.id, "sh", "-c", f"python3 -m mediapipe_jetson {script}"),
    )
    assert done.returncode == 0, done.stderr
    return {name: points_of(json.loads(done.stdout), name) for name in ("cpu", "run")}


def apart(points: Points, other: Points) -> list[float]:
    """Return how far each point is from its like."""
    return [math.dist(a[:2], b[:2]) for a, b in zip(points, other, strict=True)]


def test_on_the_cpu_it_is_the_cpu(on_cpu: Verified, x86: dict[str, Points]) -> None:
    assert (on_cpu.code, on_cpu.report["verdict"]) == (0, "cpu")
    far = apart(on_cpu.points, x86["cpu"])
    print(f"CPU: at most {max(far):.2g}")
    assert max(far) <= CPU_TOLERANCE


def test_the_gpu_graph_runs_on_software_gl(in_gl: list[str], x86: dict[str, Points]) -> None:
    """Its points are the GPU path's, which differ from the CPU's by more than two machines do."""
    done = parsed(*in_gl[:2])
    verdicts = {done.report["verdict"], done.report["tasks"][TASK]["verdict"]}
    assert (done.code, verdicts) == (0, {"software"})
    far = apart(done.points, x86["run"])
    print(f"GPU graph: at most {max(far):.2g}")
    assert max(far) <= GPU_TOLERANCE
    assert sum(far) < sum(apart(done.points, x86["cpu"])) / 2


def test_an_edited_report_is_judged_by_its_observations(in_gl: list[str]) -> None:
    edited, second = json.loads(in_gl[2]), parsed(*in_gl[3:])
    assert (edited["verdict"], edited["as_expected"]) == ("gpu", True)
    assert (second.code, second.report["verdict"]) == (1, "software")


@pytest.mark.parametrize("value", ["none", "void"])
def test_without_devices_there_is_no_gpu(jetson: Image, value: str) -> None:
    done = parsed(*emulated_run(jetson, WITHOUT_DEVICES, NVIDIA_VISIBLE_DEVICES=value))
    assert done.code != 0
    verdicts = {done.report["verdict"], done.report["tasks"][TASK]["verdict"]}
    assert "gpu" not in verdicts


def test_the_front_door_verifies_an_arm64_image(jetson: Image, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = inv("verify", "--image", jetson.id, "--task", TASK, "--json", str(path))
    report = json.loads(path.read_text())
    assert (done.returncode, report["verdict"]) == (11, "broken"), done.stderr
    assert report["emulated"] is True
    assert report["machine"] == "aarch64"
    # Without a driver the GPU's graph can't begin, and the CPU infers all the same.
    observed = report["observations"]["tasks"][TASK]
    assert len(observed["cpu"]["result"]["points"]) == 478


def test_no_report_can_pass_for_hardware(on_cpu: Verified, in_gl: list[str]) -> None:
    for report in (on_cpu.report, json.loads(in_gl[1]), json.loads(in_gl[4])):
        assert report["emulated"] is True
        assert report["emulated_reasons"]
        assert report["verdict"] != "gpu"
