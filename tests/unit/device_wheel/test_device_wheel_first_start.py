"""What a build asks of a new image, run natively: stand-ins for the modules that must import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema

from tests.unit.device_wheel_trees import SOURCE, schema


def start(*folders: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (SOURCE, *folders)))
    return subprocess.run(
        [sys.executable, "-m", "mediapipe_jetson.first_start", "1"],
        env={**os.environ, "PYTHONPATH": path, "MEDIAPIPE_JETSON_MODELS": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_one_document_says_what_is_here_and_how_the_inference_went(tmp_path: Path) -> None:
    for name in ("cv2", "numpy"):
        (tmp_path / f"{name}.py").write_text("")
    done = start(tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document["info"], schema("info"))
    jsonschema.validate(document["selftest"], schema("selftest"))
    assert document["selftest"]["cause"] == "missing-model"
    assert document["python"] == ".".join(map(str, sys.version_info[:3]))
    assert document["distributions"]["pytest"]


def test_a_module_that_does_not_import_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("import no_such_library\n")
    done = start(tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.strip().splitlines()
    assert line == "error: ModuleNotFoundError: No module named 'no_such_library'"
