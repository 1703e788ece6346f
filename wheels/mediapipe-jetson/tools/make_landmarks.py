"""Make the photograph and the expected landmarks in this wheel again.

Run it with a Python that has Pillow and the official mediapipe whose CPU result is the reference;
`--compare` takes Pythons with other MediaPipe versions, whose distances from it are recorded and
must keep well within the tolerance:

    python tools/make_landmarks.py --png astronaut.png --model face_landmarker.task \
        --compare OTHER/bin/python ...
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"
sys.path.insert(0, str(SOURCE))

from mediapipe_jetson import landmarks  # noqa: E402 # the folder above makes it importable

PNG_SHA256 = "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
QUALITY = 92
MOST_BYTES = 80 * 1024
# As a fraction of the picture's size: a quarter of a pixel of it. On the CPU versions 0.10.18 to
# 1.2.2 lie at most 3.3e-6 apart on x86_64, and 0.10.18 on emulated arm64 4.1e-6 from 1.2.2 there.
# The GPU path lies up to 2.9e-3 away, 1.0e-3 on average (1.2.2, OpenGL ES on Mesa), and the CPU on
# the same picture as a PNG up to 1.2e-3. So this tells the CPU's result on these very bytes from
# others, with a factor of 120 to what versions and architectures do.
TOLERANCE = 5e-4
# A version this far off asks for a look at the tolerance.
SPREAD = TOLERANCE / 50


def sha256(path: Path) -> str:
    """Return a file's sha256 as 64 hex digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def infer(python: str, model: Path) -> dict[str, Any]:
    """Run the wheel's own inference once under another Python and return what it told."""
    with tempfile.TemporaryFile() as told:
        command = [python, "-m", "mediapipe_jetson.inference"]
        command += [str(model), str(landmarks.PICTURE), "1", str(told.fileno())]
        subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            pass_fds=[told.fileno()],
            capture_output=True,
            check=False,
        )
        told.seek(0)
        facts: dict[str, Any] = {}
        for line in told.read().splitlines():
            facts.update(json.loads(line))
    if len(facts.get("points", ())) != landmarks.POINTS:
        sys.exit(f"error: {python} found no {landmarks.POINTS} landmarks: {facts}")
    return facts


def make_picture(png: Path) -> None:
    """Save the photograph as the wheel's JPEG."""
    pillow: Any = importlib.import_module("PIL.Image")
    pillow.open(png).convert("RGB").save(landmarks.PICTURE, quality=QUALITY, optimize=True)
    if landmarks.PICTURE.stat().st_size > MOST_BYTES:
        sys.exit(f"error: the picture is larger than {MOST_BYTES} bytes; lower QUALITY")


def main() -> None:
    """Write data/astronaut.jpg and data/landmarks.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--png", type=Path, help="skimage/data/astronaut.png; else it is kept")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--compare", nargs="*", default=[], metavar="PYTHON")
    options = parser.parse_args()
    for path, wanted in ((options.png, PNG_SHA256), (options.model, MODEL_SHA256)):
        if path and sha256(path) != wanted:
            sys.exit(f"error: {path} has not the sha256 {wanted}")
    if options.png:
        make_picture(options.png)
    reference = infer(sys.executable, options.model)
    measured = []
    for python in options.compare:
        other = infer(python, options.model)
        apart = landmarks.distance(other["points"], reference["points"])
        if apart is None or apart.maximum > SPREAD:
            sys.exit(f"error: mediapipe {other['mediapipe']} is {apart} away from the reference")
        measured.append(
            {
                "mediapipe": other["mediapipe"],
                "max": float(f"{apart.maximum:.2g}"),
                "mean": float(f"{apart.mean:.2g}"),
            }
        )
    document = {
        "reference": f"mediapipe {reference['mediapipe']}, CPU, {platform.machine()}",
        "unit": "fractions of the picture's width and height",
        "model_sha256": MODEL_SHA256,
        "image_sha256": sha256(landmarks.PICTURE),
        "tolerance": TOLERANCE,
        "measured": measured,
        "points": [[round(x, 7), round(y, 7)] for x, y in reference["points"]],
    }
    text = json.dumps(document, indent=1).replace("[\n   ", "[").replace(",\n   ", ", ")
    (landmarks.DATA / "landmarks.json").write_text(text.replace("\n  ]", "]") + "\n")
    print(f"mediapipe {reference['mediapipe']}: {len(reference['points'])} points; {measured}")


if __name__ == "__main__":
    main()
