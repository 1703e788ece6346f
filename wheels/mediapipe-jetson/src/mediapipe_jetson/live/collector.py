"""The live view's metrics for an application that has a registry of prometheus-client's."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from mediapipe_jetson.live.metrics import Metrics

TOTAL = "_total"


class Collector:
    """Register it: `prometheus_client.REGISTRY.register(live.collector())`.

    Raises ImportError without prometheus-client (`mediapipe-jetson[metrics]`).
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._core: Any = importlib.import_module("prometheus_client.core")

    def collect(self) -> Iterator[Any]:
        """Give each metric as prometheus-client's class; the process' own it has already."""
        for family in self._metrics.families():
            counts = family.kind == "counter"
            name = family.name[: -len(TOTAL)] if counts else family.name
            metric = self._core.Metric(name, family.about, family.kind)
            for sample in family.samples:
                metric.add_sample(family.name + sample.suffix, dict(sample.labels), sample.value)
            yield metric
