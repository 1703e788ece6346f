"""Old programs and what `migrate` makes of them, on the same film: MediaPipe 0.10.21 and 1.2.2."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.paths import ROOT
from tests.solutions import films
from tests.solutions.conftest import SOURCE, legacy_python, legacy_variables, run
from tests.solutions.examples import BY_NAME, FOLDER
from tests.vision import media

DECIMAL = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
# What print() shows of a message or of a landmark of Tasks.
TEXT = re.compile(
    r"Handedness|NormalizedLandmark|\[np\.|\[0\.\d{9}|  (index|score|label):|[}\]]$|[xyz]: |$"
)


@dataclass(frozen=True)
class Nearness:
    """How near a migrated program has to be.

    `same` is the part of the lines whose words and whole numbers are the same; `apart` how far the
    fractions in these may be apart in the median, as a part of the greater one: some more than was
    measured once. Faces are of another model; where a film cuts from one person to another, Tasks
    find the new one sooner.
    """

    same: float
    apart: float


NEAR = {
    "annotate_pictures": Nearness(1.0, 0.1),
    "drawing_only": Nearness(0.6, 1e-6),
    "drowsiness": Nearness(0.95, 0.25),
    "face_blur": Nearness(1.0, 0.004),
    "finger_counter": Nearness(1.0, 0.03),
    "gaze": Nearness(0.75, 0.1),
    "head_pose": Nearness(0.7, 0.3),
    "kalman_follower": Nearness(0.75, 0.02),
    "ros_node": Nearness(1.0, 0.02),
    "sign_vectors": Nearness(0.9, 0.005),
    "squat_counter": Nearness(0.8, 0.04),
    "virtual_background": Nearness(1.0, 0.005),
    "virtual_mouse": Nearness(1.0, 0.005),
}
REFUSED = {"teleoperation": "ListFields"}


def migrate(program: Path) -> str:
    """Migrate a program by the host's own Python, which has LibCST; return what is printed."""
    uv = shutil.which("uv")
    assert uv
    python = Path(uv).with_name("python")
    command = [python, "-m", "mediapipe_jetson", "migrate", program, "--write"]
    return run(command, {**os.environ, "PYTHONPATH": str(SOURCE)}).decode()


def words_of(name: str, scratch: Path) -> list[Path]:
    """Return a program's arguments: its film, written once, or pictures."""
    film = BY_NAME[name].film
    if film == "pictures":
        return [media.path(item) for item in films.PICTURES]
    if not film:
        return []
    path = scratch / f"{film}.avi"
    if not path.exists():
        films.write(film, path)
    return [path]


def bundle(folder: Path, model_folder: Path) -> Path:
    """Return a folder with the models and the bundle of HolisticLandmarker."""
    folder.mkdir(exist_ok=True)
    for path in model_folder.iterdir():
        if not (folder / path.name).exists():
            (folder / path.name).symlink_to(path.resolve())
    writer = ROOT / "tests" / "solutions" / "holistic_bundle.py"
    python = legacy_python()
    run([python, writer, folder, folder / "holistic_landmarker.task"], legacy_variables())
    return folder


def both(name: str, scratch: Path, models: Path) -> tuple[list[str], list[str]]:
    """Return the lines of a program under 0.10.21, and migrated under this MediaPipe."""
    arguments = words_of(name, scratch)
    program = scratch / f"{name}.py"
    shutil.copyfile(FOLDER / program.name, program)
    assert "1 file rewritten, 0 refused" in migrate(program)
    variables = {
        **legacy_variables(),
        "MEDIAPIPE_JETSON_MODELS": str(models),
        "MEDIAPIPE_JETSON_SOLUTIONS": "off",
    }
    old = run([legacy_python(), FOLDER / program.name, *arguments], variables)
    new = run([sys.executable, program, *arguments], variables)
    return old.decode().splitlines(), new.decode().splitlines()


def compare(near: Nearness, old: Sequence[str], new: Sequence[str]) -> None:
    """Assert that a migrated program's output is as near as its models allow."""
    old, new = ([line for line in lines if not TEXT.match(line)] for lines in (old, new))
    assert 0 < len(old) == len(new)
    alike = [
        (item, other)
        for item, other in zip(old, new, strict=True)
        if DECIMAL.sub("#", item) == DECIMAL.sub("#", other)
    ]
    assert len(alike) >= near.same * len(old), (len(alike), len(old))
    apart = [
        abs(float(item) - float(other)) / max(abs(float(item)), abs(float(other)), 1e-6)
        for pair in alike
        for item, other in zip(*map(DECIMAL.findall, pair), strict=True)
    ]
    assert statistics.median(apart or [0.0]) <= near.apart
