"""Files of a project that Python imports in place of what MediaPipe needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor_scenes import answer, scene

USER = "import mediapipe as mp\n"


def status(tmp_path: Path, files: dict[str, str]) -> tuple[str, list[str]]:
    planted = {f"app/{name}": text for name, text in files.items()}
    result = answer(scene(tmp_path, files=planted, code=tmp_path / "app"), "module-hidden").result
    return result.status, [item.file for item in result.findings]


@pytest.mark.parametrize(
    ("files", "hiding"),
    [
        ({"a.py": USER, "mediapipe/__init__.py": ""}, ["mediapipe/__init__.py"]),
        ({"a.py": USER, "mediapipe.py": USER}, ["mediapipe.py"]),
        ({"a.py": USER, "random.py": "", "numpy.py": ""}, ["numpy.py", "random.py"]),
        ({"src/a.py": USER, "src/types.py": ""}, ["src/types.py"]),
        ({"src/a.py": USER, "queue/__init__.py": ""}, ["queue/__init__.py"]),
        ({"pkg/__init__.py": "", "pkg/a.py": USER, "cv2.py": ""}, ["cv2.py"]),
        ({"app.py": "import os.path", "src/a.py": USER, "src/types.py": ""}, ["src/types.py"]),
        (
            {"src/a.py": f"{USER}import face", "src/face.py": "", "src/types.py": ""},
            ["src/types.py"],
        ),
        (
            {"m.py": "from eye import face", "eye/face.py": USER, "types.py": ""},
            ["types.py"],
        ),
        (
            {
                "m.py": "import eye.face",
                "eye/face.py": "",
                "b/a.py": USER,
                "b/queue.py": "",
            },
            ["b/queue.py"],
        ),
    ],
)
def test_what_hides_a_module_is_listed(
    tmp_path: Path, files: dict[str, str], hiding: list[str]
) -> None:
    assert status(tmp_path, files) == ("bad", hiding)


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": USER, "mediapipe/face.binarypb": ""},  # a namespace gives way
        {"pkg/__init__.py": "", "pkg/a.py": USER, "pkg/queue.py": ""},  # it is pkg.queue
        {"a.py": USER, "lib/random.py": ""},  # nothing with MediaPipe starts there
        {"a.py": USER, "profile.py": "", "queue.txt": ""},
        {"a.py": USER, "Queue.py": "", "queues.py": ""},
        # folders without __init__.py
        {"m.py": "from eye import face", "eye/face.py": USER, "eye/types.py": ""},
        {"m.py": "import eye.face as f", "eye/face.py": USER, "eye/types.py": ""},
        {"m.py": "from eye.face import go", "eye/face.py": USER, "eye/types.py": ""},
        {"m.py": f"{USER}from a.b import face", "a/b/face.py": USER, "a/b/queue.py": ""},
        {"m.py": "import a.b.face", "a/b/face.py": USER, "a/face.py": USER, "a/queue.py": ""},
        {
            "src/main.py": "import eye.face",
            "src/eye/face.py": USER,
            "src/eye/queue.py": "",
        },
        {"eye/face.py": f"{USER}from . import types", "eye/types.py": ""},
        {"eye/face.py": f"{USER}from .types import x", "eye/types.py": ""},
        {
            "m.py": "from eye import face",
            "eye/face.py": USER,
            "eye/queue/__init__.py": "",
        },
    ],
)
def test_what_hides_nothing_is_fine(tmp_path: Path, files: dict[str, str]) -> None:
    assert status(tmp_path, files) == ("ok", [])


def test_what_can_not_be_read_is_unknown(tmp_path: Path) -> None:
    assert status(tmp_path, {"a.py": USER, "b.py": f"{USER}("})[0] == "unknown"
