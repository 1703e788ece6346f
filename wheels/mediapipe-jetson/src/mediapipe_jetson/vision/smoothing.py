"""Filters over time for landmarks and visibilities.

Written to MediaPipe's OneEuroFilter and LowPassFilter, as LandmarksSmoothingCalculator and
VisibilitySmoothingCalculator use them: one filter per coordinate, here all in one array.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Optional

import numpy as np

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

FIRST_FREQUENCY = 30.0
LEAST_SCALE = 1e-6


class OneEuro:
    """Smooths what moves slowly and follows what moves fast."""

    def __init__(self, *, least_cutoff: float, beta: float, speed_cutoff: float = 1.0) -> None:
        """Take the least cutoff in Hz, how much speed raises it, and the speed's own cutoff."""
        self.least_cutoff = least_cutoff
        self.beta = beta
        self.speed_cutoff = speed_cutoff
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.time_ns: Optional[float] = None
        self.frequency = FIRST_FREQUENCY
        self.raw: Optional[Array] = None
        self.value: Optional[Array] = None
        self.speed: Optional[Array] = None

    def apply(self, values: Array, timestamp_ms: float, scale: float) -> Array:
        """Return the values smoothed; `scale` is the object's size in the values' unit.

        Values come back as they are at a timestamp that is not after the last one, and for an
        object too small to have a speed.
        """
        now = timestamp_ms * 1_000_000
        if scale < LEAST_SCALE or (self.time_ns is not None and now <= self.time_ns):
            return values
        # The reference takes a time of 0 for none.
        if self.time_ns:
            self.frequency = 1e9 / (now - self.time_ns)
        self.time_ns = now
        if self.raw is None or self.value is None or self.speed is None:
            self.raw, self.value, self.speed = values, values, np.zeros_like(values)
            return values
        alpha = self._alpha(self.speed_cutoff)
        change = (values - self.raw) * (self.frequency / scale)
        self.speed = alpha * change + (1.0 - alpha) * self.speed
        ratio = (2 * math.pi / self.frequency) * (
            self.least_cutoff + self.beta * np.abs(self.speed)
        )
        weight = ratio / (1.0 + ratio)
        self.raw = values
        self.value = weight * values + (1.0 - weight) * self.value
        return self.value

    def _alpha(self, cutoff: float) -> float:
        ratio = 2 * math.pi * cutoff / self.frequency
        return ratio / (1.0 + ratio)


class LowPass:
    """Mixes each value with the one before."""

    def __init__(self, alpha: float) -> None:
        """Take the weight of a new value."""
        self.alpha = alpha
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.value: Optional[Array] = None

    def apply(self, values: Array) -> Array:
        """Return the values smoothed."""
        if self.value is None:
            self.value = values
        else:
            self.value = self.alpha * values + (1.0 - self.alpha) * self.value
        return self.value


def extent(points: Array) -> float:
    """Return the mean of width and height of what points (n, 2 or more) cover."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return float((high - low).sum() / 2)
