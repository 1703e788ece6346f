"""Prometheus' text format: families of samples, with the escapes that it asks for.

Source: prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_VALUE = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})


@dataclass(frozen=True)
class Sample:
    """One value; `suffix` is what a histogram's parts add to the family's name."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """A metric: `kind` is counter, gauge or histogram. A family without samples is not shown."""

    name: str
    kind: str
    about: str
    samples: tuple[Sample, ...]


def family(name: str, kind: str, about: str, value: float) -> Family:
    """Return a family of one sample without labels."""
    return Family(name, kind, about, (Sample(value),))


def histogram(
    name: str, about: str, bounds: Iterable[float], counts: Iterable[int], total: float
) -> Family:
    """Return a histogram; `counts` are of each bucket alone, the last one's bound is infinite."""
    samples = []
    below = 0
    for bound, count in zip((*bounds, math.inf), counts):  # noqa: B905 # Python 3.9
        below += count
        samples.append(Sample(below, {"le": number(bound)}, "_bucket"))
    samples += [Sample(total, suffix="_sum"), Sample(below, suffix="_count")]
    return Family(name, "histogram", about, tuple(samples))


def number(value: float) -> str:
    """Return a value as the format has it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def text(families: Iterable[Family]) -> str:
    """Return the exposition."""
    lines = []
    for item in families:
        if not item.samples:
            continue
        lines.append(f"# HELP {item.name} {item.about.translate(_HELP)}")
        lines.append(f"# TYPE {item.name} {item.kind}")
        for sample in item.samples:
            labels = ",".join(
                f'{name}="{value.translate(_VALUE)}"' for name, value in sample.labels.items()
            )
            shown = f"{{{labels}}}" if labels else ""
            lines.append(f"{item.name}{sample.suffix}{shown} {number(sample.value)}")
    return "\n".join(lines) + "\n"
