"""Sources before and after migration, as the tests of migrate share them."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from mediapipe_jetson.migrate import project

MARK = "# here\n"
HEAD = "import mediapipe as mp\nimport numpy as np\nimport os\n\n"
TASKS = "mp.tasks.vision"
FOLDER = 'model_asset_path=f"{MODEL_FOLDER}/'


def after(folder: Path, old: str, head: str = HEAD) -> str:
    """Return what comes after the mark once a program with this end was migrated."""
    program = folder / "program.py"
    program.write_text(head + MARK + old, encoding="utf-8")
    outcome = project.migrate(program)
    assert not outcome.refused, [str(note) for note in outcome.refused]
    (change,) = outcome.changes
    compile(change.after, "program.py", "exec")
    return str(change.after.decode().split(MARK)[1])


def rows(**tables: dict[str, tuple[str, str]]) -> list[ParameterSet]:
    """Return what pytest is given: lines that stand behind a legacy solution, before and after."""
    return [
        pytest.param(before + old, behind + new, id=f"{kind}: {name}".replace("_", " "))
        for kind, table in tables.items()
        for before, behind in (PROGRAMS[kind.partition("_")[0]],)
        for name, (old, new) in table.items()
    ]


def refused(folder: Path, text: str, name: str = "program.py") -> list[str]:
    """Return why a program was refused."""
    (folder / name).write_text(text, encoding="utf-8")
    outcome = project.migrate(folder)
    assert not outcome.changes
    return [str(note) for note in outcome.refused]


HANDS = (
    f"hands = {TASKS}.HandLandmarker.create_from_options({TASKS}.HandLandmarkerOptions("
    f'base_options=mp.tasks.BaseOptions({FOLDER}hand_landmarker.task"), '
    f"running_mode={TASKS}.RunningMode.VIDEO, num_hands=2))\n"
)
OLD_HANDS = "hands = mp.solutions.hands.Hands()\nr = hands.process(x)\n"
NEW_HANDS = HANDS + "r = hands.detect_for_video(to_image(x), next_ms(hands))\n"
OLD_POSE = "pose = mp.solutions.pose.Pose(True)\nr = pose.process(x)\n"
NEW_POSE = (
    f"pose = {TASKS}.PoseLandmarker.create_from_options({TASKS}.PoseLandmarkerOptions("
    f'base_options=mp.tasks.BaseOptions({FOLDER}pose_landmarker_full.task"), '
    f"running_mode={TASKS}.RunningMode.IMAGE))\nr = pose.detect(to_image(x))\n"
)
OLD_FACE = "faces = mp.solutions.face_detection.FaceDetection()\nr = faces.process(x)\n"
NEW_FACE = (
    f"faces = {TASKS}.FaceDetector.create_from_options({TASKS}.FaceDetectorOptions("
    "base_options=mp.tasks.BaseOptions("
    'model_asset_buffer=model_part("face_landmarker.task", "face_detector.tflite"))))\n'
    "r = detect_faces(faces, x)\n"
)
OLD_HOLISTIC = "h = mp.solutions.holistic.Holistic(True)\nr = h.process(x)\n"
NEW_HOLISTIC = (
    f"h = {TASKS}.HolisticLandmarker.create_from_options({TASKS}.HolisticLandmarkerOptions("
    f'base_options=mp.tasks.BaseOptions({FOLDER}holistic_landmarker.task"), '
    f"running_mode={TASKS}.RunningMode.IMAGE))\nr = h.detect(to_image(x))\n"
)
PROGRAMS = {
    "hands": (OLD_HANDS, NEW_HANDS),
    "pose": (OLD_POSE, NEW_POSE),
    "face": (OLD_FACE, NEW_FACE),
    "holistic": (OLD_HOLISTIC, NEW_HOLISTIC),
    "none": ("", ""),
}

FROM_HANDS = "from mediapipe.python.solutions.hands import "
VISION = "from mediapipe.tasks.python import vision"
CONNECTED = "connection_pairs(vision.HandLandmarksConnections.HAND_CONNECTIONS)"


def write(folder: Path, **files: str) -> project.Outcome:
    """Write programs, and return what migrating them comes to; `a_b` is a/b.py."""
    for name, text in files.items():
        path = folder / f"{name.replace('_', '/').replace('/init', '/__init__')}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    return project.migrate(folder)


def reasons(outcome: project.Outcome) -> list[str]:
    """Return what was refused; nothing was changed."""
    assert not outcome.changes
    return [str(note) for note in outcome.refused]
