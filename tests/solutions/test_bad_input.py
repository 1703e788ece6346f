"""What is hard on a library: odd sizes, threads, forks, Ctrl-C, damaged models, two MediaPipes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.solutions.conftest import Program, kit_variables, legacy_python

pytestmark = pytest.mark.vision
FACE = "face_landmark.tflite"


@pytest.fixture(scope="module")
def kit(under_kit: Program, picture: str) -> Any:
    """Return what the kit does."""
    return under_kit("robust.py", picture, "sizes", "masks", "threads", "fork", "interrupt")


def test_images_of_odd_sizes(kit: Any, under_legacy: Program, picture: str) -> None:
    assert kit["sizes"] == under_legacy("robust.py", picture, "sizes")["sizes"]


def test_masks_of_a_stream_whose_size_changes(kit: Any) -> None:
    assert kit["masks"] == [(512, 512), (472, 512), (512, 512)]


def test_threads_with_a_solution_each(kit: Any) -> None:
    assert kit["threads"]["own"] == [[1] * 5] * 3


def test_threads_that_share_a_solution(kit: Any) -> None:
    assert kit["threads"]["shared"] == [[1] * 5] * 3


def test_a_child_goes_on_with_what_its_parent_used(kit: Any) -> None:
    assert kit["fork"] == {"status": 0, "same": True, "parent": True}


def test_ctrl_c_comes_out_of_process_and_the_solution_lives_on(kit: Any) -> None:
    assert kit["interrupt"] == {"came": 5, "fine": [True] * 5}


def python(
    code: str, model_folder: Path, start: Path | str = sys.executable, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run code with the kit's modules at hand."""
    variables = {**kit_variables(model_folder), **environment}
    return subprocess.run(
        [start, "-c", code], env=variables, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("kind", ["empty", "cut", "other", "folder", "loop", "text"])
def test_a_damaged_model_is_named(model_folder: Path, tmp_path: Path, kind: str) -> None:
    for path in model_folder.glob("*.t*"):
        if path.name != FACE:
            (tmp_path / path.name).symlink_to(path)
    place, whole = tmp_path / FACE, (model_folder / FACE).read_bytes()
    if kind == "folder":
        place.mkdir()
    elif kind == "loop":
        place.symlink_to(place)
    else:
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 1
        content = {"empty": b"", "cut": whole[:-9], "other": bytes(damaged), "text": b"no model\n"}
        place.write_bytes(content[kind])
    done = python(
        "from mediapipe_jetson.solutions import face_mesh; face_mesh.FaceMesh()", tmp_path
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("mediapipe_jetson.solutions.errors.ModelMissingError: ")
    assert FACE in last
    assert "mediapipe_jetson.solutions fetch" in last
    assert str(place) in last


def test_messages_of_two_mediapipes_in_one_program(model_folder: Path) -> None:
    """Each draws the other's landmarks, with the same pixels."""
    code = (
        "import numpy as np, mediapipe as mp\n"
        "from mediapipe.framework.formats import landmark_pb2 as theirs\n"
        "from mediapipe_jetson.solutions import drawing_utils, hands, messages as ours\n"
        "assert theirs.NormalizedLandmarkList is not ours.NormalizedLandmarkList\n"
        "drawn = []\n"
        "for module in (theirs, ours):\n"
        "    hand = module.NormalizedLandmarkList()\n"
        "    for i in range(21):\n"
        "        hand.landmark.add(x=i / 25, y=(i * i % 21) / 25, z=0)\n"
        "    for draw in (mp.solutions.drawing_utils, drawing_utils):\n"
        "        image = np.zeros((90, 120, 3), np.uint8)\n"
        "        draw.draw_landmarks(image, hand, hands.HAND_CONNECTIONS)\n"
        "        drawn.append(image)\n"
        "assert drawn[0].any()\n"
        "assert all(np.array_equal(one, drawn[0]) for one in drawn)\n"
    )
    done = python(code, model_folder, legacy_python())
    assert done.returncode == 0, done.stderr
