"""The same points as on x86: on the CPU, and by the graph that the GPU runs."""

from __future__ import annotations

import json

import pytest
from mediapipe_jetson import landmarks

from jetson_kit.wheels.device_wheel import SOURCE
from tests.device.board import Board, Verified, fail

TASK = "FaceLandmarker"
# Of the picture's size. Another processor's rounding moves points by 1e-5; the graph for the GPU
# scales the picture otherwise, which moves them by up to 3e-3 on x86 too.
CPU_TOLERANCE = 1e-3
GPU_TOLERANCE = 5e-3
X86 = SOURCE / "src" / "mediapipe_jetson" / "data" / "landmarks.json"


@pytest.fixture(autouse=True)
def wanted(board: Board) -> None:
    """Skip where the task is not asked for, or the controls are left out."""
    if board.expected.tasks[0] != TASK:
        pytest.skip(f"{TASK} is not the first of mediapipe_tasks")
    if not board.expected.controls:
        pytest.skip("mediapipe_controls is false in the inventory")


def as_on_x86(done: Verified, tolerance: float) -> None:
    """Fail unless the run's points lie where x86's CPU found them."""
    known = json.loads(X86.read_text(encoding="utf-8"))
    run = done.report["observations"]["tasks"][TASK]["run"]
    if (run.get("picture") or {}).get("sha256") != known["image_sha256"]:
        fail("another picture was looked at", [str(run.get("picture"))], "build the image anew")
    points = (run.get("result") or {}).get("points") or []
    apart = landmarks.distance(points, known["points"])
    if apart is None:
        fail(f"{len(points)} points in place of {len(known['points'])}", done.evidence())
    if not apart.maximum <= tolerance:
        fail(f"points lie up to {apart.maximum:.2g} of the picture's size from x86's "
             f"(allowed: {tolerance:g})", done.evidence())  # fmt: skip


def test_points_on_the_cpu(board: Board) -> None:
    as_on_x86(board.on_cpu, CPU_TOLERANCE)


def test_points_by_the_gpu_graph(board: Board) -> None:
    if board.expected.needs_gpu:
        as_on_x86(board.verified, GPU_TOLERANCE)
    elif board.has_software:
        as_on_x86(board.renamed, GPU_TOLERANCE)
    else:
        pytest.skip("neither a GPU nor a software driver is expected here")
