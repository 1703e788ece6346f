"""What sub-models are fed to be judged: photographs, noise, and the edges of their range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from jetson_kit.core.paths import ROOT
from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.criteria import Criteria, Crop, of
from jetson_kit.onnx_export.runners import Lite

PICTURES = ROOT / "wheels" / "mediapipe-jetson" / "src" / "mediapipe_jetson" / "data"
NOISES = 3
SEED = 20
Known = Mapping[str, SubModel]
"""Sub-models by their sha256."""


@dataclass(frozen=True)
class Sample:
    """The inputs of one run, float32; `kind` is photograph, noise or edge."""

    kind: str
    name: str
    arrays: tuple[Any, ...] = field(repr=False)


def samples(sha256: str, shapes: Sequence[tuple[int, ...]], known: Known) -> list[Sample]:
    """Return what a sub-model is fed; `known` are the sub-models that may feed it."""
    criteria = of(sha256)
    return [
        *_photographs(criteria, shapes),
        *_fed(criteria, shapes, known),
        *_noise(criteria, shapes),
        *_edges(criteria, shapes),
    ]


@cache
def pixels(crop: Crop, height: int, width: int) -> Any:  # noqa: ANN401
    """Return a crop scaled to (height, width, 3), from 0 to 1."""
    with Image.open(PICTURES / crop.picture) as picture:
        part = picture.convert("RGB").crop(crop.box)
        scaled = part.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(scaled, dtype=np.float32) / 255


def _photographs(criteria: Criteria, shapes: Sequence[tuple[int, ...]]) -> Iterator[Sample]:
    """Yield each crop as it is, mirrored, and in half the light."""
    low, high = criteria.range
    for crop in criteria.crops:
        _, height, width, _ = shapes[0]
        there = pixels(crop, height, width)
        for name, image in (
            ("", there),
            (" mirrored", there[:, ::-1]),
            (" darker", there * np.float32(0.5)),
        ):
            array = np.ascontiguousarray(image[None] * np.float32(high - low) + np.float32(low))
            yield Sample("photograph", crop.name + name, (array,))


def _fed(criteria: Criteria, shapes: Sequence[tuple[int, ...]], known: Known) -> Iterator[Sample]:
    """Yield what other sub-models make of photographs."""
    if criteria.feed:
        for name, arrays in FEEDS[criteria.feed](known):
            fitted = tuple(
                np.ascontiguousarray(array, dtype=np.float32).reshape(shape)
                for array, shape in zip(arrays, shapes, strict=True)
            )
            yield Sample("photograph", name, fitted)


def _noise(criteria: Criteria, shapes: Sequence[tuple[int, ...]]) -> Iterator[Sample]:
    low, high = criteria.range
    source = np.random.default_rng(SEED)
    for number in range(NOISES):
        arrays = tuple(source.uniform(low, high, shape).astype(np.float32) for shape in shapes)
        yield Sample("noise", str(number), arrays)


def _edges(criteria: Criteria, shapes: Sequence[tuple[int, ...]]) -> Iterator[Sample]:
    """Yield the range's ends, its middle, and both ends side by side."""
    low, high = criteria.range
    if not criteria.feed:  # points that all lie in one place have no size to be divided by
        for value in (low, (low + high) / 2, high):
            flat = tuple(np.full(shape, value, dtype=np.float32) for shape in shapes)
            yield Sample("edge", f"all {value}", flat)
    striped = []
    for shape in shapes:
        odd = np.indices(shape).sum(axis=0) % 2
        striped.append(np.where(odd, high, low).astype(np.float32))
    yield Sample("edge", "chessboard", tuple(striped))


Fed = Iterator[tuple[str, tuple[Any, ...]]]


def _outputs(name: str, known: Known) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield what the sub-model that the table calls `name`, in TFLite, makes of its photographs."""
    model = next(sub_model for digest, sub_model in known.items() if of(digest).name == name)
    lite = Lite(model)
    for sample in samples(model.sha256, lite.shapes, known):
        if sample.kind == "photograph":
            yield sample.name, lite.run(sample.arrays)


def _face_points(known: Known) -> Fed:
    """Yield 146 of a face's points, evenly taken, as in pictures of 256 and of 2048 pixels."""
    for name, outputs in _outputs("face_landmarks_detector", known):
        points = outputs[0].reshape(-1, 3)[:, :2]
        chosen = points[np.linspace(0, len(points) - 1, 146).astype(int)]
        yield name, (chosen,)
        yield f"{name}, large", (chosen * 8,)


def _face_features(known: Known) -> Fed:
    """Yield windows of a face's features: about the mouth and each eye, left upright."""
    for name, outputs in _outputs("face_mesh_attention", known):
        places = ((16, 28), (6, 10), (26, 10))  # left and top, of 48 by 48
        yield name, tuple(outputs[2][:, top : top + 16, left : left + 16] for left, top in places)


def _hand_points(known: Known) -> Fed:
    """Yield a hand's points by its picture's size, its handedness, its points in metres."""
    for name, outputs in _outputs("hand_landmarks_detector", known):
        yield name, (outputs[0] / 224, outputs[2], outputs[3])


def _hand_embedding(known: Known) -> Fed:
    yield from _outputs("gesture_embedder", known)


FEEDS: Mapping[str, Callable[[Known], Fed]] = {
    "face_features": _face_features,
    "face_points": _face_points,
    "hand_points": _hand_points,
    "hand_embedding": _hand_embedding,
}
