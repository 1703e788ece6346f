"""The programs of examples/solutions, under MediaPipe 0.10.21 and under the kit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from jetson_kit.core.paths import ROOT
from tests.solutions import films
from tests.solutions.conftest import KIT, kit_variables, legacy_python, legacy_variables, run
from tests.vision import media

FOLDER = ROOT / "examples" / "solutions"
DECIMAL = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
# In grey levels: the mean difference of a frame that is drawn on or cut out.
FRAME_TOLERANCE = 0.5


@dataclass(frozen=True)
class Example:
    """A program, its film, and how far its decimal fractions may be apart.

    The tolerances are how far MediaPipe 0.10.21 is from itself on the same film with one grey level
    changed in each pixel, measured once. `output` is the suffix of what else the program writes,
    given by its second word.
    """

    name: str
    film: str
    tolerance: float
    output: str = ""


EXAMPLES = (
    Example("drowsiness", "face", 0.012),
    Example("finger_counter", "hand", 4.0),
    Example("squat_counter", "person", 6.0, ".avi"),
    Example("virtual_mouse", "hand", 2.0),
    Example("sign_vectors", "whole", 0.015, ".npy"),
    Example("face_blur", "face", 0.03, ".avi"),
    Example("head_pose", "face", 0.45),
    Example("gaze", "face", 0.15),
    Example("ros_node", "hand", 0.005),
    Example("teleoperation", "person", 11.0, ".pickle"),
    Example("kalman_follower", "person", 1.5),
    Example("virtual_background", "whole", 0.015, ".avi"),
    Example("drawing_only", "", 0.0, ".png"),
    Example("annotate_pictures", "pictures", 0.05),
)
BY_NAME = {example.name: example for example in EXAMPLES}


@dataclass(frozen=True)
class Outcome:
    """What a program printed, and the file that it wrote."""

    lines: list[str]
    file: Path | None


@dataclass
class Runner:
    """Runs examples; each film is written once."""

    scratch: Path
    model_folder: Path
    written: set[str] = field(default_factory=set)

    def both(self, example: Example) -> tuple[Outcome, Outcome]:
        """Return what a program did under MediaPipe 0.10.21 and under the kit."""
        legacy = legacy_python()
        return (
            self._one(example, "legacy", (legacy,), legacy_variables()),
            self._one(example, "kit", KIT, kit_variables(self.model_folder)),
        )

    def _one(self, example: Example, side: str, start: Any, variables: dict[str, str]) -> Outcome:
        path = self.scratch / f"{example.name}-{side}{example.output}"
        arguments = [*self._film(example.film), *([path] if example.output else [])]
        text = run([*start, FOLDER / f"{example.name}.py", *arguments], variables).decode()
        return Outcome(text.splitlines(), path if example.output else None)

    def _film(self, name: str) -> list[Path]:
        if name == "pictures":
            return [media.path(item) for item in films.PICTURES]
        if not name:
            return []
        path = self.scratch / f"{name}.avi"
        if name not in self.written:
            films.write(name, path)
            self.written.add(name)
        return [path]


def compare(example: Example, legacy: Outcome, kit: Outcome) -> None:
    """Assert that all words and whole numbers are the same, and fractions as near as allowed."""
    assert len(legacy.lines) > 1
    assert [DECIMAL.sub("#", line) for line in kit.lines] == [
        DECIMAL.sub("#", line) for line in legacy.lines
    ]
    for expected, got in zip(legacy.lines, kit.lines, strict=True):
        pairs = zip(DECIMAL.findall(expected), DECIMAL.findall(got), strict=True)
        apart = max((abs(float(item) - float(other)) for item, other in pairs), default=0.0)
        assert apart <= example.tolerance + 1e-9, (expected, got)
    if legacy.file is not None and kit.file is not None and example.output in FILES:
        FILES[example.output](example, legacy.file, kit.file)


def _same_frames(example: Example, legacy: Path, kit: Path) -> None:
    del example
    for expected, got in zip(_frames(legacy), _frames(kit), strict=True):
        assert np.abs(expected - got).mean() < FRAME_TOLERANCE


def _frames(path: Path) -> Iterator[Any]:
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) > 1
    while True:
        there, frame = capture.read()
        if not there:
            return
        yield frame.astype(np.int16)


def _same_array(example: Example, legacy: Path, kit: Path) -> None:
    expected, got = np.load(legacy), np.load(kit)
    assert got.shape == expected.shape
    # Depths of hands are the least certain.
    assert np.median(np.abs(expected - got).max(axis=1)) <= example.tolerance


def _same_pixels(example: Example, legacy: Path, kit: Path) -> None:
    del example
    assert np.array_equal(cv2.imread(str(legacy)), cv2.imread(str(kit)))


FILES: dict[str, Callable[[Example, Path, Path], None]] = {
    ".avi": _same_frames,
    ".npy": _same_array,
    ".png": _same_pixels,
}
