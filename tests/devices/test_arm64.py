"""Real ARM, end to end: the image in a guest as on an Orin, where inference really runs."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from jetson_kit.paths import ROOT
from tests.device.board import RENAMED
from tests.devices.guest import NAME, PATIENCE_S, Guest, built, powered

pytestmark = [pytest.mark.docker, pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]
TASK = "FaceLandmarker"
# Of the picture's size.
CPU_TOLERANCE = 1e-3
GPU_TOLERANCE = 5e-3
# What the suite may leave out here: the nvidia runtime is asked for where a GPU is expected, and
# no role has left a report.
LEFT_OUT = {
    "test_the_nvidia_runtime_is_registered",
    "test_the_toolkit_is_none_known_to_be_broken",
    "test_standing_report_is_fresh",
}
Points = list[list[float]]


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """Return a machine with the cores of an Orin's stand-in that runs the service."""
    image = built(jetson=True, variant="emulated")
    with powered(tmp_path_factory.mktemp("arm64"), image) as made:
        yield made


@pytest.fixture(scope="module")
def suite(guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what `./inv verify -i` found out about it, with the tests that a board gets."""
    folder = tmp_path_factory.mktemp("suite")
    done = subprocess.run(
        [
            *(ROOT / "inv", "verify", "-i", guest.front.state / "inventory.yml", "--task", TASK),
            *("--output", folder / "reports", "--json", folder / "fleet.json"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (folder / "fleet.json").exists(), f"{done.stdout}\n{done.stderr}"
    found: dict[str, Any] = json.loads((folder / "fleet.json").read_text())["hosts"][NAME]
    guest.times["suite"] = found["seconds"]
    return found


@pytest.fixture(scope="module")
def x86() -> dict[str, Points]:
    """Return the points of this machine's own image: on the CPU, and by the GPU's graph."""
    script = f"verify --expect software --task {TASK} --json /tmp/r.json >&2; cat /tmp/r.json"
    done = subprocess.run(
        [
            *("docker", "run", "--rm", "--env", f"force_gl_renderer={RENAMED}"),
            *(built(variant="emulated"), "sh", "-c", f"python3 -m mediapipe_jetson {script}"),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    observed = json.loads(done.stdout)["observations"]["tasks"][TASK]
    return {name: observed[name]["result"]["points"] for name in ("cpu", "run")}


def points_of(report: dict[str, Any]) -> Points:
    """Return the points of the run that a report is about."""
    found: Points = report["observations"]["tasks"][TASK]["run"]["result"]["points"]
    assert len(found) == 478
    return found


def apart(one: Points, other: Points) -> list[float]:
    """Return how far each point is from its like."""
    return [math.dist(a[:2], b[:2]) for a, b in zip(one, other, strict=True)]


def test_the_image_is_loaded_and_the_service_runs(guest: Guest) -> None:
    state = guest.must(
        "docker inspect --format '{{.State.Running}} {{.HostConfig.Runtime}}' mediapipe"
    )
    assert state.split() == ["true", "nvidia"]
    image = built(jetson=True, variant="emulated")
    assert "it was there" in guest.load(image)
    assert guest.must(f"docker image inspect --format '{{{{.Architecture}}}}' {image}") == "arm64\n"
    assert not (guest.front.state / NAME / "parcel.raw").stat().st_blocks


def test_selftest_passes_on_the_cpu(guest: Guest) -> None:
    code, found, said = guest.command("selftest", "--json", "--frames", "1")
    assert (code, found["verdict"], found["landmarks"]) == (0, "pass", 478), said
    assert found["distance_max"] <= CPU_TOLERANCE
    assert found["cpu"] == "Cortex-A76"
    assert found["emulated"]


def test_the_suite_of_a_board_is_green(suite: dict[str, Any]) -> None:
    assert suite["failed"] == []
    assert suite["as_expected"]
    assert (suite["expected"], suite["verdict"]) == ("software", "software")
    assert {case["test"] for case in suite["skipped"]} == LEFT_OUT


@pytest.mark.usefixtures("suite")
def test_points_on_the_cpu_are_those_of_x86(guest: Guest, x86: dict[str, Points]) -> None:
    report = guest.report("cpu.json")
    assert report["verdict"] == "cpu"
    far = apart(points_of(report), x86["cpu"])
    print(f"CPU: at most {max(far):.2g}")
    assert max(far) <= CPU_TOLERANCE


@pytest.mark.usefixtures("suite")
def test_the_gpu_graph_runs_on_software_gl(guest: Guest, x86: dict[str, Points]) -> None:
    """Its points are the GPU path's, which differ from the CPU's by more than two machines do."""
    report = guest.report("software.json")
    points = points_of(report)
    far = apart(points, x86["run"])
    print(f"GPU graph: at most {max(far):.2g}")
    assert max(far) <= GPU_TOLERANCE
    assert sum(far) < sum(apart(points, x86["cpu"])) / 2
    verdicts = {report["verdict"], report["tasks"][TASK]["verdict"]}
    assert verdicts == {"software"}


@pytest.mark.usefixtures("suite")
@pytest.mark.parametrize("name", ["suite.json", "cpu.json", "software.json"])
def test_no_report_can_pass_for_hardware(guest: Guest, name: str) -> None:
    report = guest.report(name)
    assert report["emulated"] is True
    assert report["emulated_reasons"]
    assert report["verdict"] != "gpu"
