"""Images that bring a MediaPipe of their own: by their name, or their library's version."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import projects

from tests.unit.doctor_scenes import judged, lines


def test_an_image_of_mediapipe_in_a_compose_file_is_judged(tmp_path: Path) -> None:
    text = "services:\n  a:\n    image: someone/mediapipe:l4t32.7.1-py3.8.0\n"
    text = text.replace("someone", "ghcr.io/lanzani")
    answer = judged(tmp_path, {"compose.yml": text, "a.py": "import mediapipe"})["project-python"]
    assert answer.cure.startswith("compose.yml:3: take the kit's image: ")


@pytest.mark.parametrize(
    "files",
    [
        {"compose.yml": "services:\n  a:\n    image: IMAGE\n"},
        {"Dockerfile": "FROM IMAGE\nCOPY a.py /\nCMD [python3, /a.py]\n"},
        {"Dockerfile": "FROM IMAGE AS b\nRUN pip install flask\nFROM b\n"},
    ],
)
def test_an_image_may_bring_a_mediapipe_of_its_own(files: dict[str, str], tmp_path: Path) -> None:
    image = "ghcr.io/lanzani/mediapipe:l4t35.4.1-py3.8.10-ocv4.8.0-mp0.10.7"
    plant = {name: text.replace("IMAGE", image) for name, text in files.items()}
    result = judged(tmp_path, {**plant, "a.py": "import mediapipe"})
    for cause in ("project-python", "old-requirement"):
        assert result[cause].result.status == "unknown"
        assert "brings a MediaPipe 0.10.7 of its own for Python 3.8" in lines(result[cause])


@pytest.mark.parametrize(
    ("tag", "l4t"),
    [
        ("l4t-tensorrt:r10.3.0-devel", "L4T 36.4"),
        ("l4t-tensorrt:r8.2.1-runtime", "L4T 32.7"),
        ("l4t-cuda:12.6.11-runtime", "L4T 36.4"),
        ("l4t-cuda:10.2.460-runtime", "L4T 32.7"),
    ],
)
def test_an_image_by_the_version_of_its_library(tag: str, l4t: str) -> None:
    known = projects.image(f"nvcr.io/nvidia/{tag}")
    assert known is not None
    assert l4t in known.about
