"""Real ARM, end to end: an Orin's stand-in out of the box, provisioned, rolled out to, verified.

Inference really runs there, in the rollout's verification. What needs no kernel of its own is in
tests/image: verify's controls and results compared with x86's in test_arm64_verify.py, the older
boards' image in test_variants.py. Updates and their way back are in tests/fleet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jetson_kit.build import images, plan
from jetson_kit.build.request import Request
from jetson_kit.core import output_folder
from jetson_kit.core.progress import Progress
from tests.devices.controller import SLOW_PLAN, Controller
from tests.devices.guest import NAME, PATIENCE_S, Guest, powered

pytestmark = [
    *(pytest.mark.docker, pytest.mark.qemu, pytest.mark.slow, pytest.mark.network),
    # Provision and rollout, on emulated cores beside other tests, count as parts of one test.
    pytest.mark.timeout(2100),
]
TASK = "FaceLandmarker"
# What the suite leaves out here: the nvidia runtime is asked for where a GPU is expected, and each
# of the controls is an inference.
LEFT_OUT = {
    "test_the_nvidia_runtime_is_registered",
    "test_the_toolkit_is_none_known_to_be_broken",
    "test_without_devices_there_is_no_gpu[none]",
    "test_without_devices_there_is_no_gpu[void]",
    "test_on_the_cpu_it_is_the_cpu",
    "test_software_is_never_gpu",
    "test_an_edited_report_is_judged_by_its_observations",
    "test_no_control_left_anything",
    "test_points_on_the_cpu",
    "test_points_by_the_gpu_graph",
}


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """Return a machine with the cores of an Orin's stand-in."""
    with powered(tmp_path_factory.mktemp("arm64")) as result:
        yield result


@pytest.fixture(scope="module")
def controller(guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """Return who has provisioned it."""
    result = Controller(tmp_path_factory.mktemp("controller"))
    result.begin(
        guest.front.state / "inventory.yml",
        mediapipe_tasks=[TASK],
        mediapipe_controls=False,
        service_healthy_limit_s=900,
        verify_healthy_within=900,
    )
    result.task("fleet.provision", "-i", result.inventory)
    yield result
    print(", ".join(f"{what} {seconds:.0f} s" for what, seconds in result.times.items()))


@pytest.fixture(scope="module")
def rolled(controller: Controller) -> dict[str, Any]:
    """Return the result of the rollout that brings the image there."""
    result = images.build(plan.make(Request(jetson=True, variant="emulated")), Progress(quiet=True))
    build = output_folder.linked(result.folder, controller.folder / "v1")
    controller.task("fleet.release", build)
    (controller.folder / "plan.toml").write_text(SLOW_PLAN)
    return controller.rollout(build, "--file", controller.folder / "plan.toml")


@pytest.fixture(scope="module")
def suite(rolled: dict[str, Any], controller: Controller) -> dict[str, Any]:
    """Return what `./inv fleet.verify` found out about it, with the tests that a board gets."""
    del rolled
    result = controller.folder / "fleet.json"
    arguments = ("--output", controller.folder / "reports", "--json", result)
    controller.task("fleet.verify", "-i", controller.inventory, *arguments, limit_s=PATIENCE_S)
    host: dict[str, Any] = json.loads(result.read_text())["hosts"][NAME]
    return host


def test_its_cores_are_those_of_an_orins_stand_in(guest: Guest) -> None:
    seen = guest.must("uname -m; cat /proc/cpuinfo; tr '\\0' '\\n' </proc/device-tree/compatible")
    assert seen.startswith("aarch64\n")
    assert "0xd0b" in seen
    assert "atomics" in seen
    assert "nvidia,tegra234" in seen


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


def test_the_suite_of_a_board_is_green(suite: dict[str, Any]) -> None:
    assert suite["failed"] == []
    assert suite["as_expected"]
    assert (suite["expected"], suite["verdict"]) == ("software", "software")
    assert {case["test"] for case in suite["skipped"]} == LEFT_OUT


def test_the_suites_report_can_not_pass_for_hardware(guest: Guest, suite: dict[str, Any]) -> None:
    assert suite["report"]
    report = guest.report("suite.json")
    assert report["emulated"] is True
    assert report["emulated_reasons"]
    assert report["verdict"] != "gpu"
