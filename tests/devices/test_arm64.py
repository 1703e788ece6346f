"""Real ARM, end to end: an Orin's stand-in out of the box, provisioned, rolled out to, verified.

Inference really runs there. One boot and one load of the image serve the rollout and all that is
asked of the image afterwards.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from jetson_kit import images, plan
from jetson_kit.fleet import release as releases
from jetson_kit.progress import Progress
from tests.device.board import RENAMED
from tests.devices.controller import Controller
from tests.devices.guest import NAME, PATIENCE_S, Guest, built, powered
from tests.fleet import changed_release

pytestmark = [pytest.mark.docker, pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]
TASK = "FaceLandmarker"
# Of the picture's size.
CPU_TOLERANCE = 1e-3
GPU_TOLERANCE = 5e-3
# What the suite may leave out here: the nvidia runtime is asked for where a GPU is expected.
LEFT_OUT = {
    "test_the_nvidia_runtime_is_registered",
    "test_the_toolkit_is_none_known_to_be_broken",
}
# An emulated processor needs its time for each step.
PLAN = """\
canary = 1
soak_s = 5
poll_s = 5
step_limit_s = 3600
verify = "quick"
"""
Points = list[list[float]]


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """Return a machine with the cores of an Orin's stand-in."""
    with powered(tmp_path_factory.mktemp("arm64")) as made:
        yield made


@pytest.fixture(scope="module")
def controller(guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """Return who has provisioned it."""
    made = Controller(tmp_path_factory.mktemp("controller"))
    made.begin(
        guest.front.state / "inventory.yml",
        mediapipe_tasks=[TASK],
        service_healthy_limit_s=900,
        verify_healthy_within=900,
    )
    made.task("fleet.provision", "-i", made.inventory)
    yield made
    print(", ".join(f"{what} {seconds:.0f} s" for what, seconds in made.times.items()))


@pytest.fixture(scope="module")
def rolled(controller: Controller) -> dict[str, Any]:
    """Return the result of the rollout that brings the image there."""
    made = images.build(
        plan.make(plan.Request(jetson=True, variant="emulated")), Progress(quiet=True)
    )
    build = changed_release.linked(made.folder, controller.folder / "v1")
    controller.task("fleet.release", build)
    (controller.folder / "plan.toml").write_text(PLAN)
    return controller.rollout(build, "--file", controller.folder / "plan.toml")


@pytest.fixture(scope="module")
def suite(rolled: dict[str, Any], controller: Controller) -> dict[str, Any]:
    """Return what `./inv fleet.verify` found out about it, with the tests that a board gets."""
    del rolled
    result = controller.folder / "fleet.json"
    words = ("--output", controller.folder / "reports", "--json", result)
    controller.task("fleet.verify", "-i", controller.inventory, *words, limit_s=PATIENCE_S)
    found: dict[str, Any] = json.loads(result.read_text())["hosts"][NAME]
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


def test_the_rollout_ends_verified(
    guest: Guest, controller: Controller, rolled: dict[str, Any]
) -> None:
    host = rolled["hosts"][NAME]
    assert (rolled["result"], host["state"]) == ("all", "confirmed")
    report = json.loads((controller.reports(rolled["id"]) / f"{NAME}.json").read_text())
    assert (report["expected"], report["verdict"], report["emulated"]) == (
        *("software", "software"),
        True,
    )
    facts = "{{.State.Running}} {{.HostConfig.Runtime}} {{.Image}}"
    seen = guest.must(f"docker inspect --format '{facts}' mediapipe")
    assert seen.split() == ["true", "nvidia", rolled["release"]["image_id"]]
    what = rolled["release"]["image_id"]
    assert guest.must(f"docker image inspect --format '{{{{.Architecture}}}}' {what}") == "arm64\n"


def test_an_update_moves_what_changed_and_goes_back(
    guest: Guest, controller: Controller, rolled: dict[str, Any]
) -> None:
    old = releases.load(controller.folder / "v1")
    new = changed_release.build(old, controller.folder / "v2", "opt/app/main.py", b"print(2)\n")
    controller.task("fleet.release", new.folder)
    began = received(guest)
    done = controller.rollout(
        new.folder, "--file", controller.folder / "plan.toml", "--verify", "none"
    )
    assert done["hosts"][NAME]["state"] == "confirmed"
    # The release, Ansible's own modules and the layer.
    assert received(guest) - began < old.size / 50
    said = json.loads(controller.task("fleet.rollback", "-i", controller.inventory, "--json"))
    assert said["hosts"][NAME]["image_id"] == rolled["release"]["image_id"]
    print(f"rollback: {said['hosts'][NAME]['seconds']:.1f} s on the device")
    status = json.loads(controller.task("fleet.status", "-i", controller.inventory, "--json"))
    assert status["drift"] is False
    assert status["hosts"][NAME]["device"]["image_id"] == old.image_id


def received(guest: Guest) -> int:
    """Return the bytes that came over its network interface."""
    script = "cat /sys/class/net/e*/statistics/rx_bytes"
    return sum(map(int, guest.must(script).split()))


@pytest.mark.usefixtures("rolled")
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
