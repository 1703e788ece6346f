"""Runs the tests that MediaPipe's wheel carries, against a class of MediaPipe's or of the kit's.

    python -m tests.mediapipe_tests.harness data FOLDER
    python -m tests.mediapipe_tests.harness tasks
    python -m tests.mediapipe_tests.harness run FOLDER TASK BACKEND RESULTS [TEST...]

BACKEND is `official`, or a backend's name for the kit's class in place of MediaPipe's. RESULTS
gets a line of JSON for each test as it begins and as it ends; the TESTs named are left out. Runs in
an environment with MediaPipe.
"""

from __future__ import annotations

import importlib
import json
import sys
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any

from absl import flags
from mediapipe_jetson import vision as ours

from tests.mediapipe_tests import messages

TESTS = "mediapipe.tasks.python.test"
TASKS = {
    "face": ("face_landmarker", "FaceLandmarker"),
    "hand": ("hand_landmarker", "HandLandmarker"),
    "pose": ("pose_landmarker", "PoseLandmarker"),
    "segmenter": ("image_segmenter", "ImageSegmenter"),
}
OFFICIAL = "official"


def method(test: unittest.TestCase) -> str:
    """Return a test's name, with the number of its parameters."""
    return str(test._testMethodName)


class Recorded(unittest.TestResult):
    """Writes each test as it begins and ends, so that nothing is lost when the process aborts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def line(self, test: unittest.TestCase, outcome: str, reason: str = "") -> None:
        """Append a line."""
        name = method(test)
        with self.path.open("a", encoding="utf-8") as file:
            row = {"test": name, "outcome": outcome, "reason": reason[-1500:]}
            file.write(json.dumps(row) + "\n")

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 # unittest's name
        super().startTest(test)
        self.line(test, "begun")

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 # unittest's name
        super().addSuccess(test)
        self.line(test, "passed")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802 # unittest's name
        super().addFailure(test, err)
        self.line(test, "failed", self.failures[-1][1])

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802 # unittest's name
        super().addError(test, err)
        self.line(test, "failed", self.errors[-1][1])


def substitute(tests: ModuleType, module: str, name: str, backend: str) -> None:
    """Put the kit's class, on a backend, where a module of tests has MediaPipe's."""
    official = getattr(importlib.import_module(f"mediapipe.tasks.python.vision.{module}"), name)
    kind: Any = getattr(ours, name)

    class Kit(kind):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            super().__init__(*arguments, backend=backend, **settings)

    names = [key for key, value in vars(tests).items() if value is official]
    assert names, f"{tests.__name__} has no {name}"
    for key in names:
        setattr(tests, key, Kit)


def utilities(folder: Path) -> ModuleType:
    """Return a substitute for the wheel's test_utils, which imports what the wheel lacks."""
    module = ModuleType(f"{TESTS}.test_utils")

    def path(name: str) -> str:
        (result,) = folder.rglob(Path(name).name)
        return str(result)

    module.get_test_data_path = path  # type: ignore[attr-defined]
    return module


def cases(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    """Return a suite's tests."""
    test_cases: list[unittest.TestCase] = []
    for item in suite:
        test_cases += cases(item) if isinstance(item, unittest.TestSuite) else [item]
    return test_cases


def run(folder: Path, task: str, backend: str, results: Path, left_out: set[str]) -> None:
    """Run a task's tests."""
    module, name = TASKS[task]
    messages.provide()
    sys.modules[f"{TESTS}.test_utils"] = utilities(folder)
    importlib.import_module(TESTS).test_utils = sys.modules[f"{TESTS}.test_utils"]  # type: ignore[attr-defined]
    flags.FLAGS(["harness"])
    tests = importlib.import_module(f"{TESTS}.vision.{module}_test")
    if backend != OFFICIAL:
        substitute(tests, module, name, backend)
    recorded = Recorded(results)
    for case in cases(unittest.defaultTestLoader.loadTestsFromModule(tests)):
        if method(case) not in left_out:
            case.run(recorded)


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    if arguments[0] == "data":
        # What the tests need is written on this machine, and read in images too.
        importlib.import_module("tests.mediapipe_tests.data").write(Path(arguments[1]))
    elif arguments[0] == "tasks":
        print(*(task for task, (_, name) in TASKS.items() if name in ours.OURS))
    else:
        folder, task, backend, results, *left_out = arguments[1:]
        run(Path(folder), task, backend, Path(results), set(left_out))


if __name__ == "__main__":
    main(sys.argv[1:])
