"""MediaPipe's results as plain numbers, alike for every task."""

from __future__ import annotations

import math
from typing import Any, Optional

GRID = 16
DIGITS = 7


def _number(value: float) -> Optional[float]:
    # JSON has no NaN, and a driver that computes wrongly gives some.
    return round(value, DIGITS) if math.isfinite(value) else None


def _points(landmarks: Any) -> list[list[Optional[float]]]:  # noqa: ANN401 # MediaPipe's types
    return [[_number(point.x), _number(point.y)] for point in landmarks]


def _landmarks(result: Any, field: str) -> dict[str, Any]:  # noqa: ANN401
    every = getattr(result, field)
    return {"count": len(every), "points": _points(every[0]) if every else []}


def _face(result: Any) -> dict[str, Any]:  # noqa: ANN401
    landmarks = _landmarks(result, "face_landmarks")
    shapes = result.face_blendshapes
    landmarks["scores"] = [_number(shape.score) for shape in shapes[0]] if shapes else []
    return landmarks


def _hand(result: Any) -> dict[str, Any]:  # noqa: ANN401
    landmarks = _landmarks(result, "hand_landmarks")
    landmarks["scores"] = [_number(hand[0].score) for hand in result.handedness]
    return landmarks


def _gesture(result: Any) -> dict[str, Any]:  # noqa: ANN401
    facts = _hand(result)
    facts["labels"] = [hand[0].category_name for hand in result.gestures]
    facts["scores"] += [_number(hand[0].score) for hand in result.gestures]
    return facts


def _pose(result: Any) -> dict[str, Any]:  # noqa: ANN401
    return _landmarks(result, "pose_landmarks")


def _detections(result: Any) -> dict[str, Any]:  # noqa: ANN401
    every = result.detections
    return {
        "count": len(every),
        "points": _points(every[0].keypoints) if every else [],
        "scores": [_number(detection.categories[0].score) for detection in every],
    }


def _mask(result: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the mean of each cell of a grid over the first mask, row by row."""
    masks = result.confidence_masks or []
    if not masks:
        return {"count": 0, "points": []}
    values = masks[0].numpy_view()
    height, width = values.shape[:2]
    rows = [(row * height // GRID, (row + 1) * height // GRID) for row in range(GRID)]
    columns = [(at * width // GRID, (at + 1) * width // GRID) for at in range(GRID)]
    cells = [
        float(values[top:low, left:right].mean()) for top, low in rows for left, right in columns
    ]
    return {"count": len(masks), "points": [], "mask": [_number(cell) for cell in cells]}


READERS = {
    "face": _face,
    "hand": _hand,
    "gesture": _gesture,
    "pose": _pose,
    "detections": _detections,
    "mask": _mask,
}


def digest(kind: str, result: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a result's numbers: fractions of the picture, scores from 0 to 1."""
    return READERS[kind](result)
