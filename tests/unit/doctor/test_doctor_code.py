"""The scanner of the user's code: legacy programs of several styles."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from textwrap import dedent

import pytest
from mediapipe_jetson.doctor import legacy, migration
from mediapipe_jetson.doctor.sources import Scan

from jetson_kit.wheels import pins as wheels
from tests.unit.doctor_scenes import plant

FACE = """\
    import cv2
    import mediapipe as mp

    mp_face_mesh = mp.solutions.face_mesh
    mp_drawing = mp.solutions.drawing_utils
    mp_styles = mp.solutions.drawing_styles

    with mp_face_mesh.FaceMesh(
        static_image_mode=False,
        max_num_faces=2,
        refine_landmarks=True,
        min_detection_confidence=0.6,
    ) as face_mesh:
        results = face_mesh.process(frame)
        if results.multi_face_landmarks:
            for face in results.multi_face_landmarks:
                nose = face.landmark[1]
                mp_drawing.draw_landmarks(
                    frame,
                    face,
                    mp_face_mesh.FACEMESH_TESSELATION,
                    None,
                    mp_styles.get_default_face_mesh_tesselation_style(),
                )
                print(nose.x, nose.y)
"""
HANDS = """\
    import mediapipe as mp

    class Detector:
        def __init__(self, mode=False, most=2):
            self.mpHands = mp.solutions.hands
            self.hands = self.mpHands.Hands(mode, most, min_tracking_confidence=0.7)

        def find(self, image):
            self.results = self.hands.process(image)
            for number, hand in enumerate(self.results.multi_hand_landmarks or []):
                for point in hand.landmark:
                    print(number, point.x)
            for hand, side in zip(self.results.multi_hand_landmarks, self.results.multi_handedness):
                print(side.classification[0].label, self.mpHands.HandLandmark.WRIST)
"""
POSE = """\
    from mediapipe.python.solutions import pose as mp_pose, drawing_utils
    from mediapipe.python.solutions.pose import Pose, PoseLandmark

    def run(frame, body=Pose(model_complexity=2, enable_segmentation=True)):
        found = body.process(frame)
        return found.pose_landmarks.landmark[PoseLandmark.NOSE], found.segmentation_mask

    estimator = mp_pose.Pose()
    points = [p for p in estimator.process(f).pose_landmarks.landmark]
"""
HOLISTIC = """\
    import mediapipe
    holistic = mediapipe.solutions.holistic.Holistic(refine_face_landmarks=True)
    found = holistic.process(x)
    a, b = found.left_hand_landmarks, found.face_landmarks
"""


def uses(text: str) -> list[tuple[int, str]]:
    return [(item.line, item.what) for item in legacy.scan(dedent(text), "x.py")]


def whats(text: str) -> list[str]:
    return [what for _, what in uses(text)]


def test_face_mesh() -> None:
    assert uses(FACE) == [
        (4, "mp.solutions.face_mesh"),
        (5, "mp.solutions.drawing_utils"),
        (6, "mp.solutions.drawing_styles"),
        (8, "mp.solutions.face_mesh.FaceMesh"),
        (9, "FaceMesh(static_image_mode=...)"),
        (10, "FaceMesh(max_num_faces=...)"),
        (11, "FaceMesh(refine_landmarks=...)"),
        (12, "FaceMesh(min_detection_confidence=...)"),
        (14, ".process of FaceMesh"),
        (15, ".multi_face_landmarks of FaceMesh"),
        (16, ".multi_face_landmarks of FaceMesh"),
        (17, ".landmark of FaceMesh"),
        (18, "mp.solutions.drawing_utils.draw_landmarks"),
        (21, "mp.solutions.face_mesh.FACEMESH_TESSELATION"),
        (23, "mp.solutions.drawing_styles.get_default_face_mesh_tesselation_style"),
    ]


def test_face_mesh_is_answered_by_the_migration_table() -> None:
    result = {item.what: item.instead for item in legacy.scan(dedent(FACE), "x.py")}
    assert result["FaceMesh(max_num_faces=...)"] == "num_faces"
    assert result["FaceMesh(refine_landmarks=...)"].startswith(
        "drop it: there are always 478 landmarks"
    )
    assert result["FaceMesh(static_image_mode=...)"].startswith("running_mode=")
    assert "face_landmarks[i][j]" in result[".multi_face_landmarks of FaceMesh"]
    assert "min_face_detection_confidence" in result["FaceMesh(min_detection_confidence=...)"]
    assert "FaceLandmarker" in result["mp.solutions.face_mesh.FaceMesh"]


def test_hands_in_a_class() -> None:
    assert uses(HANDS) == [
        (5, "mp.solutions.hands"),
        (6, "mp.solutions.hands.Hands"),
        (6, "Hands(static_image_mode=...)"),
        (6, "Hands(max_num_hands=...)"),
        (6, "Hands(min_tracking_confidence=...)"),
        (9, ".process of Hands"),
        (10, ".multi_hand_landmarks of Hands"),
        (11, ".landmark of Hands"),
        (13, ".multi_hand_landmarks of Hands"),
        (13, ".multi_handedness of Hands"),
        (14, ".classification of Hands"),
        (14, ".label of Hands"),
        (14, "mp.solutions.hands.HandLandmark.WRIST"),
    ]


def test_pose_by_from_imports() -> None:
    result = uses(POSE)
    assert [what for line, what in result if line == 1] == [
        "mp.solutions.drawing_utils",
        "mp.solutions.pose",
    ]
    assert (2, "mp.solutions.pose.Pose") in result
    assert (2, "mp.solutions.pose.PoseLandmark") in result
    assert (4, "Pose(model_complexity=...)") in result
    assert (4, "Pose(enable_segmentation=...)") in result
    assert (9, ".landmark of Pose") in result
    assert (9, ".pose_landmarks of Pose") in result


def test_holistic() -> None:
    assert whats(HOLISTIC) == [
        "mp.solutions.holistic.Holistic",
        "Holistic(refine_face_landmarks=...)",
        ".process of Holistic",
        ".left_hand_landmarks of Holistic",
        ".face_landmarks of Holistic",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import mediapipe as mp\nhands = getattr(mp, 'solutions').hands",
        "import mediapipe as mp\ns = getattr(mp, 'solutions')",
        "import mediapipe.python.solutions.hands",
        "import mediapipe.python.solutions.hands as h",
        "from mediapipe import solutions",
        "from mediapipe.solutions import hands as h",
        "from mediapipe.python.solutions.hands import *",
        "import importlib\nm = importlib.import_module('mediapipe.python.solutions.hands')",
        "from importlib import import_module\nm = import_module('mediapipe.solutions')",
        "m = __import__('mediapipe.python.solutions.hands')",
        "try:\n    import mediapipe as mp\nexcept ImportError:\n    mp = None\nmp.solutions.hands",
        "import mediapipe as mp\ndef f():\n    return mp.solutions.hands",
        "def f():\n    return mp.solutions.hands\nimport mediapipe as mp",
        "def f():\n    import mediapipe as m\n    x = m\n    return x.solutions",
        "import mediapipe as mp\na, b = mp.solutions, 2",
        "import mediapipe as mp\nif (s := mp.solutions):\n    pass",
        "import mediapipe as mp\ndef f(a: mp.solutions.hands.Hands): pass",
        "import mediapipe as mp\nx = [m.Hands() for m in [mp.solutions.hands]]",
        "import mediapipe as mp\nasync def f():\n    async with mp.solutions.hands as h: pass",
        "import mediapipe as mp\nf = lambda: mp.solutions.hands",
        "import mediapipe as mp\nclass A:\n    s = mp\n    def f(self):\n        self.s.solutions",
        "from mediapipe.framework.formats import landmark_pb2",
    ],
)
def test_every_way_to_the_legacy_api(text: str) -> None:
    assert uses(text)


@pytest.mark.parametrize(
    "text",
    [
        "# mp.solutions.face_mesh\nimport mediapipe as mp",
        '"""Was mp.solutions.face_mesh.FaceMesh(max_num_faces=1)."""\nimport mediapipe as mp',
        "import mediapipe as mp\nprint('use mp.solutions.hands no more')",
        "import multiprocessing as mp\nmp.solutions.hands",
        "import mediapipe as mp\ndef f(mp):\n    return mp.solutions.hands",
        "import mediapipe as mp\nimport multiprocessing as mp\nmp.solutions",
        "import mediapipe as mp\nmp = object()\nmp.solutions",
        "mp.solutions.hands",
        "from . import mediapipe\nmediapipe.solutions",
        "from .mediapipe import solutions",
        "from solutions import hands\nhands.Hands(max_num_hands=2)",
        "import mediapipe_jetson\nmediapipe_jetson.solutions",
        "import mediapipe as mp\nx = 'solutions'\nmp.tasks.vision.FaceLandmarker",
        "from mediapipe.tasks.python import vision\nvision.FaceLandmarker.detect(i).face_landmarks",
        "import mediapipe as mp\nresult.multi_face_landmarks",
        "class A:\n    def f(self):\n        self.results.pose_landmarks.landmark",
        "getattr(x, 'solutions')",
        "import mediapipe as mp\nfor mp in [1]:\n    mp.solutions",
        "import mediapipe as mp\n[mp.solutions for mp in things]",
    ],
)
def test_what_is_no_use_of_it(text: str) -> None:
    assert uses(text) == []


def test_results_that_come_from_afar() -> None:
    text = "import mediapipe as mp\nh = mp.solutions\ndef draw(r):\n    r.multi_hand_landmarks"
    assert uses(text)[-1] == (4, ".multi_hand_landmarks")


def test_places_are_exact() -> None:
    findings = legacy.scan("import mediapipe as mp\n  \nx = 1; y = mp.solutions.hands\n", "a.py")
    assert [(item.line, item.column) for item in findings] == [(3, 12)]
    assert findings[0].place() == "a.py:3"


def test_notebooks(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["mp.solutions.hands"]},
        {
            "cell_type": "code",
            "source": ["!pip install mediapipe==0.10.9\n", "import mediapipe as mp"],
        },
        {"cell_type": "code", "source": "%matplotlib inline\nif x:\n    !ls\ny = mp.solutions"},
        {"cell_type": "code", "source": ["from mediapipe import solutions\n"]},
        {"cell_type": "code", "source": ["%%bash\n", "pip install mediapipe==0.10.9"]},
    ]
    plant(tmp_path, {"a.ipynb": json.dumps({"cells": cells}), "b.ipynb": "{mediapipe"})
    plant(tmp_path, {"c.ipynb": '["mediapipe"]', "d.ipynb": '{"cells": ["mediapipe"]}'})
    scan = Scan(tmp_path)
    assert [(item.cell, item.line) for item in scan.requirements] == [(2, 1), (5, 2)]
    assert [(item.cell, item.line) for item in scan.programs.uses.findings] == [(3, 4), (4, 1)]
    assert scan.programs.uses.findings[0].place().startswith("a.ipynb: cell ")
    assert [item.file for item in scan.unread] == ["b.ipynb", "c.ipynb"]


def test_environments_and_unreadable_files(tmp_path: Path) -> None:
    bad = "import mediapipe as mp\nmp.solutions\n"
    plant(
        tmp_path,
        {
            "venv/pyvenv.cfg": "",
            "venv/lib/a.py": bad,
            ".git/a.py": bad,
            "node_modules/x/a.py": bad,
            "deep.py": "import mediapipe\n" + "(" * 500 + ")" * 500,
            "two.py": "import mediapipe\nprint 'x'\n",
            "other.py": "print 'x'\n",
            "latin.py": "# -*- coding: latin-1 -*-\nimport mediapipe as mp\nmp.solutions\n",
        },
    )
    (tmp_path / "nul.py").write_bytes(b"import mediapipe\0")
    (tmp_path / "bytes.py").write_bytes(b"import mediapipe\nx = '\xff'\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.py").symlink_to("/nonexistent.py")
    scan = Scan(tmp_path)
    assert {item.file for item in scan.programs.uses.findings} == {"latin.py"}
    assert {item.file for item in scan.unread} == {"deep.py", "two.py", "nul.py", "bytes.py"}
    assert all("\n" not in item.why for item in scan.unread)


def test_the_kits_own_sources() -> None:
    """One program of ours asks 0.10.18 for a face: that one, and no other, is found."""
    from jetson_kit.core.paths import ROOT

    scan = Scan(ROOT / "jetson_kit")
    assert scan.read > 30
    assert {item.file for item in scan.programs.uses.findings} == {"audit/infer.py"}
    assert scan.unread == []


@pytest.mark.network
@pytest.mark.slow
def test_the_table_agrees_with_mediapipes_own_wheels() -> None:
    """Every legacy name is in 0.10.18, every replacement in the newest (read, not imported)."""
    table = migration.load().table
    old, new = (fetched(item) for item in ("0.10.18", wheels.pins()[0].version))
    for name, solution in table["solutions"].items():
        text = old[f"mediapipe/python/solutions/{name}.py"]
        assert f"class {solution.get('class', '')}" in text or "class" not in solution
        for word in (
            *solution.get("arguments", {}),
            *solution.get("results", {}),
            *solution["names"],
        ):
            assert word in text, (name, word)
        for text in solution["names"].values():
            last = re.split(r"[(: ]", text)[0].rpartition(".")[2]
            assert any(last in body for file, body in new.items() if "/vision/" in file), text
    options = "".join(body for file, body in new.items() if file.endswith("_landmarker.py"))
    for word in ("num_faces", "num_hands", "min_face_detection_confidence", "face_landmarks"):
        assert f"  {word}: " in options


def fetched(version: str) -> dict[str, str]:
    """Return the texts of a wheel's Python files; the wheel is cached."""
    wheel = wheels.fetch(wheels.select("arm64", "3.11", version))
    with zipfile.ZipFile(wheel) as archive:
        python = [name for name in archive.namelist() if name.endswith(".py")]
        return {name: archive.read(name).decode() for name in python}
