"""The legacy names of the solutions and messages, without MediaPipe and what solutions need."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mediapipe_jetson.solutions.messages import LocationData
from mediapipe_jetson.solutions.messages.enum_wrapper import EnumWrapper

from jetson_kit.wheels import device_wheel

FORMATS = "mediapipe.framework.formats"
READ = """
import sys
from mediapipe_jetson.solutions import hook
for name in sys.argv[2:]:
    sys.modules[name] = None
hook.install()
import mediapipe
try:
    eval(sys.argv[1])
except Exception as error:
    print(type(error).__name__, error)
"""


def read(folder: Path, name: str, *missing: str) -> str:
    """Return what reading a name of a bare MediaPipe raises where some modules are missing."""
    (folder / "mediapipe").mkdir()
    (folder / "mediapipe" / "__init__.py").touch()
    path = os.pathsep.join([str(folder), str(device_wheel.PACKAGE)])
    done = subprocess.run(
        [sys.executable, "-c", READ, name, *missing],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("mediapipe.python.solution_base", "numpy"),
        ("mediapipe.python.solutions.drawing_utils", "cv2"),
        ("mediapipe.solutions.drawing_utils", "cv2"),
        ("mediapipe.framework.formats.landmark_pb2", "struct"),
        ("hasattr(mediapipe.python, 'solution_base')", "numpy"),
    ],
)
def test_a_missing_dependency_is_named_as_such(tmp_path: Path, name: str, missing: str) -> None:
    assert read(tmp_path, name, missing) == (
        f"ModuleNotFoundError import of {missing} halted; None in sys.modules"
    )


@pytest.mark.parametrize(
    ("name", "module", "attribute"),
    [
        ("mediapipe.python.nothing", "mediapipe.python", "nothing"),
        ("mediapipe.framework.formats.x_pb2", FORMATS, "x_pb2"),
        ("mediapipe.python.__wrapped__", "mediapipe.python", "__wrapped__"),
        ("mediapipe.nothing", "mediapipe", "nothing"),
    ],
)
def test_a_missing_name_is_no_attribute(
    tmp_path: Path, name: str, module: str, attribute: str
) -> None:
    expected = f"AttributeError module '{module}' has no attribute '{attribute}'"
    assert read(tmp_path, name) == expected


def again(number: int) -> Callable[[Any], Any]:
    return lambda value: pickle.loads(pickle.dumps(value, number))  # noqa: S301 # ours


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, *(again(number) for number in range(pickle.HIGHEST_PROTOCOL + 1))],
)
def test_a_copy_of_an_enumeration_is_the_class_s_own(
    copied: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType(f"{FORMATS}.location_data_pb2")
    module.__dict__["LocationData"] = LocationData
    for name in ("mediapipe", "mediapipe.framework", FORMATS):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (result,) = copied([LocationData.Format])
    assert result is LocationData.Format
    assert (result.MASK, result.Name(2), len(result.keys())) == (3, "RELATIVE_BOUNDING_BOX", 4)


def test_an_enumeration_that_is_not_made_yet_has_no_names() -> None:
    assert type(LocationData.Format) is EnumWrapper
    with pytest.raises(AttributeError, match="no attribute '_numbers'"):
        _ = EnumWrapper.__new__(EnumWrapper)._numbers
    with pytest.raises(AttributeError, match="Enum Format has no value defined for name 'NONE'"):
        _ = LocationData.Format.NONE
