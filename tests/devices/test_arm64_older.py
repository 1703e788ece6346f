"""A whole machine with a Nano's core: the translated MediaPipe there, on the CPU and by the graph.

The core is QEMU's Cortex-A57, which has none of the instructions that the official library needs;
the graph of the GPU runs on Mesa's rasterizer. Kernel and engine are the virtual device's.
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
from tests.devices.guest import NAME, Guest, powered

pytestmark = [pytest.mark.docker, pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]
TASK = "FaceLandmarker"
RELEASE, MODULE = "32.7.6", "nano"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """Return a machine with the cores of a Nano's stand-in."""
    folder = tmp_path_factory.mktemp("nano")
    with powered(folder, "--module", MODULE, "--l4t", RELEASE) as result:
        yield result


@pytest.fixture(scope="module")
def rolled(guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the result of the rollout that brings the image there, and the report of verify."""
    controller = Controller(tmp_path_factory.mktemp("controller"))
    controller.begin(
        guest.front.state / "inventory.yml",
        mediapipe_tasks=[TASK],
        mediapipe_controls=True,
        service_healthy_limit_s=900,
        verify_healthy_within=900,
    )
    controller.task("fleet.provision", "-i", controller.inventory)
    request = Request(jetson=True, l4t=RELEASE, module=MODULE, variant="emulated")
    result = images.build(plan.make(request), Progress(quiet=True))
    build = output_folder.linked(result.folder, controller.folder / "v1")
    controller.task("fleet.release", build)
    (controller.folder / "plan.toml").write_text(SLOW_PLAN)
    document = controller.rollout(build, "--file", controller.folder / "plan.toml")
    report = controller.reports(document["id"]) / f"{NAME}.json"
    return {**document, "report": json.loads(report.read_text())}


def test_its_core_lacks_what_the_official_library_needs(guest: Guest) -> None:
    seen = guest.must("uname -m; cat /proc/cpuinfo; tr '\\0' '\\n' </proc/device-tree/compatible")
    assert seen.startswith("aarch64\n")
    assert "0xd07" in seen
    assert "atomics" not in seen
    assert "nvidia,tegra210" in seen


def test_the_rollout_ends_verified_by_the_graph(rolled: dict[str, Any]) -> None:
    host = rolled["hosts"][NAME]
    assert (rolled["result"], host["state"]) == ("all", "confirmed")
    report = rolled["report"]
    assert (report["expected"], report["verdict"], report["emulated"]) == (
        *("software", "software"),
        True,
    )


def test_the_image_infers_on_the_cpu(guest: Guest, rolled: dict[str, Any]) -> None:
    image = rolled["release"]["image_id"]
    done = json.loads(guest.must(f"docker run --rm --network none {image} selftest --json"))
    assert done["verdict"] == "pass"
    info = json.loads(guest.must(f"docker run --rm --network none {image} info --json"))
    assert "translated for armv8" in info["mediapipe_library"]["translated"]
