"""The legacy scanner's answers: what each name becomes, and uses that hide."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from mediapipe_jetson.doctor import legacy
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import judged, plant

HEAD = "import mediapipe as mp\nS = mp.solutions\n"


def answers(code: str) -> dict[str, str]:
    """Return what to write instead of each use."""
    return {item.what: item.instead for item in legacy.scan(HEAD + dedent(code), "x.py")}


# A class with an argument; words of what it becomes.
ARGUMENTS = [
    ("face_mesh.FaceMesh", "min_tracking_confidence", "min_face_presence_confidence"),
    ("hands.Hands", "min_tracking_confidence", "min_hand_presence_confidence"),
    ("pose.Pose", "min_tracking_confidence", "min_pose_presence_confidence"),
    ("holistic.Holistic", "min_tracking_confidence", "min_pose_presence_confidence"),
    ("holistic.Holistic", "min_detection_confidence", "reaches the pose only"),
    ("holistic.Holistic", "enable_segmentation", "output_pose_segmentation_masks"),
    ("hands.Hands", "min_tracking_confidence", "in static mode too"),
    ("hands.Hands", "max_num_hands", "num_hands (default 1, was 2)"),
    ("pose.Pose", "upper_body_only", "gone since 0.8.4"),
    ("holistic.Holistic", "upper_body_only", "gone since 0.8.4"),
    ("objectron.Objectron", "model_name", "no successor"),
    ("objectron.Objectron", "max_num_objects", "no successor"),
    ("objectron.Objectron", "focal_length", "no successor"),
    ("face_mesh.FaceMesh", "refine_landmarks", "the legacy default gave 468"),
    ("face_mesh.FaceMesh", "nonsense", "no version that the kit knows has it"),
]


@pytest.mark.parametrize(("name", "argument", "expected"), ARGUMENTS)
def test_arguments(name: str, argument: str, expected: str) -> None:
    result = answers(f"S.{name}({argument}=1)")
    assert expected in result[f"{name.split('.')[1]}({argument}=...)"]


@pytest.mark.parametrize("name", ["face_mesh.FaceMesh", "hands.Hands", "pose.Pose"])
def test_no_class_keeps_its_tracking_confidence(name: str) -> None:
    (advice,) = (
        instead
        for what, instead in answers(f"S.{name}(min_tracking_confidence=1)").items()
        if "tracking" in what
    )
    assert "unchanged" not in advice
    assert "overlap" in advice


@pytest.mark.parametrize(
    ("code", "what", "expected"),
    [
        ("S.hands.Hands()", "mp.solutions.hands.Hands", "Left and Right change places"),
        ("S.hands.Hands()", "mp.solutions.hands.Hands", "another order"),
        ("S.face_mesh.FaceMesh()", "mp.solutions.face_mesh.FaceMesh", "another model"),
        ("S.face_mesh.FaceMesh()", "mp.solutions.face_mesh.FaceMesh", "measure thresholds again"),
        (
            "r = S.hands.Hands().process(i)\nr.multi_handedness",
            ".multi_handedness of Hands",
            "legacy's Left is Tasks' Right",
        ),
        (
            "r = S.hands.Hands().process(i)\nr.multi_handedness[0].classification[0].label",
            ".label of Hands",
            "what legacy calls Left Tasks calls Right",
        ),
        (
            "r = S.hands.Hands().process(i)\n"
            "if r.multi_handedness[0].classification[0].label == 'Left': pass",
            "a comparison with 'Left'",
            "the other side",
        ),
        (
            "for h in S.hands.Hands().process(i).multi_handedness:\n"
            "    if h.classification[0].label in ('Right', 'x'): pass",
            "a comparison with 'Right'",
            "the other side",
        ),
        ("if hasattr(mp, 'solutions'): pass", "hasattr(mp, 'solutions')", "takes the legacy path"),
        (
            "from mediapipe.python.solution_base import SolutionBase",
            "python.solution_base",
            "graph",
        ),
        ("from mediapipe.python import solution_base", "python.solution_base", "gone"),
        ("mp.packet_creator.create_int(1)", "mp.packet_creator.create_int", "no packets"),
        ("from mediapipe.python import packet_creator as p", "mp.packet_creator", "no packets"),
        ("mp.packet_getter.get_int(p)", "mp.packet_getter.get_int", "no packets"),
        (
            "g = mp.CalculatorGraph(graph_config=c)",
            "mp.CalculatorGraph",
            "can't be run from Python",
        ),
        ("from mediapipe.python import CalculatorGraph", "CalculatorGraph", "can't be run"),
        ("from mediapipe.calculators.util import x_pb2", "mp.calculators", "went with"),
        ("t = mp.Timestamp.from_seconds(1)", "mp.Timestamp", "milliseconds that only grow"),
    ],
)
def test_what_each_use_becomes(code: str, what: str, expected: str) -> None:
    result = answers(code)
    named = [instead for use, instead in result.items() if what in use]
    assert named, result
    assert any(expected in instead for instead in named), named


@pytest.mark.parametrize("code", ["mp.Image(1)", "mp.ImageFormat.SRGB", "mp.tasks.BaseOptions()"])
def test_what_stays_is_no_use(code: str) -> None:
    assert legacy.scan(f"import mediapipe as mp\n{code}\n", "x.py") == []


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("kw = dict(max_num_hands=1)\nS.hands.Hands(**kw)", {"max_num_hands"}),
        ("kw = {'max_num_hands': 1}\nkw['model_complexity'] = 0\nS.hands.Hands(**kw)",
         {"max_num_hands", "model_complexity"}),
        ("def make(**kw):\n    return S.hands.Hands(**kw)\n"
         "make(max_num_hands=1)", {"max_num_hands"}),
        ("def make(n, **kw):\n    return S.hands.Hands(max_num_hands=n, **kw)\n"
         "make(2, model_complexity=0)",
         {"max_num_hands", "model_complexity"}),
        ("from functools import partial\nH = partial(S.hands.Hands, max_num_hands=1)\n"
         "H()", {"max_num_hands"}),
        ("a = [False, 2]\nS.hands.Hands(*a)", {"static_image_mode", "max_num_hands"}),
        ("class H(S.hands.Hands):\n    def __init__(self):\n"
         "        super().__init__(max_num_hands=1)\nH()",
         {"max_num_hands"}),
        ("class H(S.hands.Hands):\n    pass\nH(max_num_hands=1)", {"max_num_hands"}),
        ("class H(S.hands.Hands):\n    def __init__(self, n):\n"
         "        S.hands.Hands.__init__(self, False, n)",
         {"static_image_mode", "max_num_hands"}),
        # The order of old versions: the third one was a confidence.
        ("S.hands.Hands(False, 2, 0.5, 0.7)",
         {"static_image_mode", "max_num_hands",
          "min_detection_confidence", "min_tracking_confidence"}),
        ("S.hands.Hands(False, 2, 1, 0.7)",
         {"static_image_mode", "max_num_hands", "model_complexity", "min_detection_confidence"}),
        ("S.pose.Pose(False, True, True)",
         {"static_image_mode", "upper_body_only", "smooth_landmarks"}),
    ],
)  # fmt: skip
def test_arguments_on_other_ways(code: str, arguments: set[str]) -> None:
    result = {what.partition("(")[2].partition("=")[0] for what in answers(code) if "=..." in what}
    assert result == arguments


def test_arguments_that_can_not_be_followed_are_told() -> None:
    result = answers("kw = load()\nS.pose.Pose(**kw)")
    text = result["Pose(...) with arguments that can't be followed"]
    assert "min_tracking_confidence: min_pose_presence_confidence" in text


@pytest.mark.parametrize(
    "code",
    [
        "def draw(r):\n    return r.pose_landmarks\ndraw(S.pose.Pose().process(i))",
        "def draw(r):\n    return r.pose_landmarks\nb = S.pose.Pose()\n"
        "[draw(b.process(f)) for f in x]",
        "class B(S.pose.Pose):\n    def run(self, i):\n"
        "        return self.process(i).pose_landmarks",
        "class B:\n    def __init__(self):\n        self.b = S.pose.Pose()\n    def go(self, i):\n"
        "        self.r = self.b.process(i)\n    def use(self):\n"
        "        return self.r.pose_landmarks",
        "class B:\n    def use(self):\n        return self.r.pose_landmarks\n    def go(self, i):\n"
        "        self.r = self.make().process(i)\n    def make(self):\n"
        "        return S.pose.Pose()",
        "def get():\n    with S.pose.Pose() as p:\n        yield p.process(i)\n"
        "for r in get():\n    r.pose_landmarks",
        "d = {'p': S.pose.Pose()}\nd['p'].process(i).pose_landmarks",
        "f = lambda r: r.pose_landmarks\nf(S.pose.Pose().process(i))",
        "p = S.pose.Pose()\nq = p.process\nq(i).pose_landmarks",
        "def f(p: S.pose.Pose):\n    return p.process(i).pose_landmarks",
        "getattr(S.pose.Pose().process(i), 'pose_landmarks')",
        "ps = [S.pose.Pose()]\nfor p in ps:\n    p.process(i).pose_landmarks",
        "import importlib\nm = importlib.import_module('mediapipe.python.solutions.pose')\n"
        "m.Pose().process(i).pose_landmarks",
    ],
)
def test_result_fields_are_found_wherever_they_are_read(code: str) -> None:
    assert ".pose_landmarks of Pose" in answers(code)


def test_result_fields_in_another_file(tmp_path: Path) -> None:
    """The helper names no MediaPipe, and gets the result from the program."""
    plant(
        tmp_path,
        {
            "main.py": f"{HEAD}from lib.draw import draw\ndraw(S.pose.Pose().process(i))\n",
            "lib/__init__.py": "",
            "lib/draw.py": "def draw(found):\n    return found.pose_landmarks.landmark[0]\n",
            "lib/hand.py": "def count(found):\n    return len(found.multi_hand_landmarks)\n",
        },
    )
    scan = Scan(tmp_path)
    result = [(item.place(), item.what) for item in scan.programs.uses.findings]
    assert ("lib/draw.py:2", ".pose_landmarks of Pose") in result
    assert ("lib/draw.py:2", ".landmark of Pose") in result
    assert ("lib/hand.py:2", ".multi_hand_landmarks") in result


def test_modules_named_by_a_part_of_a_text() -> None:
    code = "import importlib\nm = importlib.import_module(f'mediapipe.python.solutions.{name}')"
    assert "mp.solutions" in answers(code)
    code = "import importlib\nm = importlib.import_module('mediapipe.python.solutions.' + name)"
    assert "mp.solutions" in answers(code)


# Names that tutorials of 2021 have and 0.10.21 has not; what to write.
GONE = {
    "face_mesh.FACE_CONNECTIONS": "FACEMESH_CONTOURS",
    "holistic.FACE_CONNECTIONS": "FACEMESH_CONTOURS",
    "pose.UPPER_BODY_POSE_CONNECTIONS": "POSE_CONNECTIONS",
    "holistic.UPPER_BODY_POSE_CONNECTIONS": "POSE_CONNECTIONS",
    "drawing_styles.get_default_hand_landmark_style": "get_default_hand_landmarks_style",
    "drawing_styles.get_default_hand_connection_style": "get_default_hand_connections_style",
    "drawing_utils.VISIBILITY_THRESHOLD": "0.5",
    "drawing_utils.PRESENCE_THRESHOLD": "0.5",
}


@pytest.mark.parametrize("name", GONE)
def test_a_name_of_2021_is_said_to_be_gone(name: str, tmp_path: Path) -> None:
    text = f"import mediapipe as mp\nmp.solutions.{name}\n"
    answer = judged(tmp_path, {"a.py": text})["legacy-api"]
    (finding,) = (item for item in answer.result.findings if name in item.what)
    assert f"{name.split('.')[1]} is gone since 0.8" in finding.instead
    assert f"write {GONE[name]}" in finding.instead
    assert answer.cure.startswith("first mend ")
    assert "a.py:2" in answer.cure


@pytest.mark.parametrize(
    ("code", "gone"),
    [
        ("mp.solutions.face_mesh.FaceMesh(False, 2, 0.5, 0.5)", True),
        ("mp.solutions.hands.Hands(False, 2, 0.5)", True),
        ("mp.solutions.pose.Pose(False, True, True, 0.5)", True),
        ("mp.solutions.pose.Pose(upper_body_only=True)", True),
        ("mp.solutions.hands.Hands(False, 2, 1, 0.5)", False),
        ("mp.solutions.hands.Hands(max_num_hands=1)", False),
        ("mp.solutions.drawing_utils.DrawingSpec(thickness=1)", False),
        ("mp.solutions.face_mesh.FACEMESH_CONTOURS", False),
    ],
)
def test_code_that_the_image_can_not_run_as_it_is(code: str, gone: bool, tmp_path: Path) -> None:
    answer = judged(tmp_path, {"a.py": f"import mediapipe as mp\n{code}\n"})["legacy-api"]
    assert answer.cure.startswith("first mend ") is gone
