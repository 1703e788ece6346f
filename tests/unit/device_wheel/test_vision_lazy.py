"""The device wheel's backends and landmarkers where their libraries are missing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from mediapipe_jetson import backends, vision
from mediapipe_jetson.backends.base import SubModel, UnknownBackendError
from mediapipe_jetson.vision.errors import MediaPipeMissingError

from jetson_kit.core.paths import ROOT

SOURCE = ROOT / "wheels" / "mediapipe-jetson" / "src"
HEAVY = "numpy cv2 mediapipe ai_edge_litert onnxruntime tensorrt"


def test_importing_them_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import mediapipe_jetson.__main__, mediapipe_jetson.backends, mediapipe_jetson.vision\n"
        f"assert not set({HEAVY!r}.split()) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(SOURCE)})


@pytest.mark.parametrize("name", ["FaceLandmarker", "HandLandmarker", "PoseLandmarker"])
def test_a_landmarker_says_what_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in HEAVY.split():
        monkeypatch.setitem(sys.modules, module, None)
    for module in [item for item in sys.modules if item.startswith("mediapipe_jetson.vision.")]:
        if not module.endswith("errors"):
            monkeypatch.delitem(sys.modules, module)
    with pytest.raises(MediaPipeMissingError, match=f"{name} needs (numpy|cv2|mediapipe)"):
        getattr(vision, name)


def test_an_unknown_backend_is_named_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownBackendError, match="tensorrt, litert-gpu, litert-gpu-fp16, litert, onnx"
    ):
        backends.create("cuda")


def test_a_sub_model_is_known_by_its_bytes() -> None:
    sub_model = SubModel.of("face_detector", b"bytes")
    assert sub_model.sha256 == "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9"
    assert SubModel.of("face_detector", b"other").sha256 != sub_model.sha256
