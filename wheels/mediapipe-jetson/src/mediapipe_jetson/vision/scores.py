"""Logits become scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array


def sigmoid(values: Array) -> Array:
    """Return the logistic function; a logit too low for float32 gives 0, without a warning."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-values))


def number(tensor: Array) -> float:
    """Return the only value of a tensor."""
    return float(tensor.reshape(-1)[0])
