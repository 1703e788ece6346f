"""Cases of a project's own files."""

from __future__ import annotations

from typing import Any

from tests.unit.doctor.cases.case import Case

UNASKED = """\
from mediapipe.tasks.python import vision as v
from mediapipe.tasks.python.core.base_options import BaseOptions as B
v.FaceLandmarker.create_from_options(v.FaceLandmarkerOptions(base_options=B()))
"""


def code(text: str, name: str = "app/main.py") -> dict[str, Any]:
    return {"files": {name: text}, "code": "app"}


CASES: list[Case] = [
    (
        "old-requirement",
        "bad",
        code("mediapipe==0.10.9\n", "app/requirements.txt"),
        "requirements.txt:1",
    ),
    (
        "old-requirement",
        "ok",
        {"device": "orin", **code("mediapipe>=1.0.1\n", "app/requirements.txt")},
        "right for this board",
    ),
    ("old-requirement", "unknown", code("mediapipe>=1.0.1\n", "app/requirements.txt"), "Nano"),
    ("old-requirement", "unknown", code("import mediapipe\n"), "no file of the project asks"),
    ("gpu-not-requested", "bad", code(UNASKED), "delegate=BaseOptions.Delegate.GPU"),
    (
        "gpu-not-requested",
        "ok",
        code(UNASKED.replace("()", "(delegate=B.Delegate.GPU)")),
        "one task created",
    ),
    ("gpu-not-requested", "unknown", {}, "--code DIR"),
    ("project-python", "bad", code("python-3.8.10\n", "app/runtime.txt"), "runtime.txt:1"),
    ("project-python", "ok", code("python-3.11.4\n", "app/runtime.txt"), "python-3.11.4"),
    ("project-python", "unknown", {}, "--code DIR"),
    ("module-hidden", "bad", code("", "app/queue.py"), "give queue.py another name"),
    ("module-hidden", "ok", code("", "app/pkg/queue.py"), "no file of the project has the name"),
    ("module-hidden", "unknown", {}, "--code DIR"),
    ("old-requirement", "unknown", {}, "--code DIR"),
    ("legacy-api", "bad", code("import mediapipe as mp\nmp.solutions.hands\n"), "main.py:2"),
    ("legacy-api", "ok", code("import mediapipe as mp\nmp.Image\n"), "1 file"),
    ("legacy-api", "unknown", code("import mediapipe; print 'x'\n"), "not read: main.py (line 1"),
    ("legacy-api", "unknown", code("text", "app/README"), "no Python file"),
    ("legacy-api", "unknown", code("numpy\n", "app/requirements.txt"), "no Python file"),
    ("legacy-api", "unknown", {}, "--code DIR"),
    (
        "kit-image-pip",
        "bad",
        code("FROM mediapipe-jetson:r32.7.1\nRUN pip install x\n", "app/Dockerfile"),
        "Dockerfile:2: write the package into requirements.txt",
    ),
    (
        "kit-image-pip",
        "ok",
        code("FROM mediapipe-jetson:r32.7.1-dev\nRUN pip install x\n", "app/Dockerfile"),
        "mediapipe-jetson:r32.7.1-dev",
    ),
    ("kit-image-pip", "unknown", {}, "--code DIR"),
]
