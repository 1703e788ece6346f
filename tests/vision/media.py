"""Photographs, motion made of them, and a video: what the landmarkers look at.

What is not the kit's own comes out of Debian's opencv-doc, is checked by hash, and kept in the
kit's cache.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import mediapipe
import numpy as np

from jetson_kit.core.files import locked
from jetson_kit.core.paths import ROOT, cache_dir

OURS = ROOT / "wheels" / "mediapipe-jetson" / "src" / "mediapipe_jetson" / "data"
INSIDE = "usr/share/doc/opencv-doc/examples/data"
HASHES = {
    "messi5.jpg": "1d570e49654e84c7a943918537bd9e5e1ef82920152e147c834006e235be97c9",
    "basketball1.png": "ba06f6701f7260998b430c39b6557f775497e6ce7b1a74f0b7ea6af371bf54a6",
    "basketball2.png": "b3047772e0dc6c9d83c26f64894ca1a897f799f855c5574ac24b2ef934c2978e",
    "right04.jpg": "d5874ff3d948dbb673beb035dd70aef5e517119ff626ecdfd612fdd6a1eec32e",
    "baboon.jpg": "1a1dd18d78eec44420af3b0b7f08ee3d41c982916cae3ce203d7ff35d754cc0f",
    "fruits.jpg": "9c031d80a1c52da5eca790db896baffec6a7e52bf786cdb7bbfca5c7f880e6a1",
    "Megamind.avi": "0057387cb7e75c8fd1663b62cfdc51fa53f527795d0fe3c1fea2fd159d3130b5",
}
FRAME_MS = 33


def path(name: str) -> Path:
    """Return a picture's or video's file."""
    if name not in HASHES:
        return OURS / name
    folder = cache_dir("media")
    with locked(cache_dir("locks") / "media.lock", lambda: None):
        if not all((folder / item).is_file() for item in HASHES):
            _fetch(folder)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert digest == HASHES[name], f"{folder / name} is not the file that the numbers are of"
    return folder / name


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["apt-get", "download", "-q", "opencv-doc"], cwd=scratch, check=True)
        (package,) = Path(scratch).glob("opencv-doc_*.deb")
        subprocess.run(["dpkg-deb", "-x", package, scratch], check=True)
        for name in HASHES:
            (folder / name).write_bytes((Path(scratch) / INSIDE / name).read_bytes())


def rgb(name: str) -> Any:
    """Return a photograph's pixels (height, width, 3)."""
    return np.ascontiguousarray(cv2.imread(str(path(name)))[:, :, ::-1])


def image(pixels: Any) -> Any:
    """Return MediaPipe's image of pixels."""
    return mediapipe.Image(
        image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels)
    )


def moving(name: str, frames: int = 60) -> Iterator[Any]:
    """Yield a photograph that moves, turns and grows, there and back."""
    yield from moved(rgb(name), frames)


def moved(still: Any, frames: int) -> Iterator[Any]:
    """Yield pixels that move, turn and grow, there and back."""
    height, width = still.shape[:2]
    for step in range(frames):
        turn = 2 * np.pi * step / frames
        matrix = cv2.getRotationMatrix2D(
            (width / 2, height / 2), 10 * np.sin(turn), 1 + 0.15 * np.sin(2 * turn)
        )
        matrix[:, 2] += (0.06 * width * np.sin(turn), 0.04 * height * np.sin(turn))
        yield cv2.warpAffine(still, matrix, (width, height))


def video(name: str) -> Iterator[Any]:
    """Yield a video's frames."""
    capture = cv2.VideoCapture(str(path(name)))
    while True:
        there, frame = capture.read()
        if not there:
            break
        yield np.ascontiguousarray(frame[:, :, ::-1])
    capture.release()


def noisy(pixels: Any, seed: int) -> Any:
    """Return pixels with a grey level more or less here and there: what a camera does."""
    change = np.random.default_rng(seed).integers(-1, 2, pixels.shape)
    return np.clip(pixels.astype(np.int16) + change, 0, 255).astype(np.uint8)
