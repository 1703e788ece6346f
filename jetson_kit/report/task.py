"""One task of a report: its judgements, and the figures of what its runs observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jetson_kit.core.text import word
from jetson_kit.report import curves, evidence, pictures
from jetson_kit.report.values import at, milliseconds, number, rows

UNKNOWN = "unknown"
MOST_TEXT = 1500


@dataclass(frozen=True)
class Judgement:
    """A verdict with its rule, its reason, what to do, and what was not observed."""

    title: str
    verdict: str
    rule: str
    reason: str
    remedy: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """One task: `reported_verdict` is the report's own, `verdict` what its observations carry."""

    name: str
    reported_verdict: str
    verdict: str
    judgement: Judgement
    controls: tuple[Judgement, ...]
    warnings: tuple[tuple[str, str], ...]
    run_ms: float | None
    cpu_ms: float | None
    delegate: str
    distance: str
    observed: Any

    @property
    def latency(self) -> tuple[tuple[str, str, str, float], ...]:
        """Return (series, label, time, share of the longest) for the run and the CPU."""
        known = [
            (series, label, value)
            for series, label, value in (
                ("run", f"{self.delegate} delegate", self.run_ms),
                ("cpu", "CPU control", self.cpu_ms),
            )
            if value is not None and value > 0
        ]
        longest = max((value for *_, value in known), default=1.0)
        return tuple(
            (series, label, milliseconds(value), round(100 * value / longest, 2))
            for series, label, value in known
        )

    @property
    def families(self) -> list[evidence.Family]:
        """Return the raw observations by family."""
        return evidence.families(self.observed)

    @property
    def heads(self) -> list[str]:
        """Return the columns of the raw observations."""
        return evidence.heads(self.observed)

    @property
    def logs(self) -> list[evidence.Log]:
        """Return the runs' own logs."""
        return evidence.logs(self.observed)

    @property
    def curves(self) -> list[curves.Curve]:
        """Return the GPU's load in the run and in the control, and a soak's course."""
        run, cpu = at(self.observed, "run"), at(self.observed, "cpu")
        return [
            *curves.load(run, "run", "Run"),
            *curves.load(cpu, "cpu", "CPU control"),
            *curves.soak(run),
        ]

    @property
    def drawing(self) -> pictures.Drawing | None:
        """Return the photograph with both results."""
        run, cpu = at(self.observed, "run"), at(self.observed, "cpu")
        if at(run, "delegate") == "CPU":
            return pictures.drawing(None, run)
        return pictures.drawing(run, cpu)


def task(name: str, reported: Any, carried: Any, observed: Any) -> Task:  # noqa: ANN401 # JSON
    """Return what is shown of a task: its reported verdict, the carried one, the observations."""
    distance = number(at(carried, "distance"))
    return Task(
        name=name,
        reported_verdict=word(at(reported, "verdict")),
        verdict=word(at(carried, "verdict")) or UNKNOWN,
        judgement=_judgement("Judgement", carried),
        controls=tuple(
            _judgement(title, control)
            for key, title in (("cpu", "CPU control"), ("withheld", "Driver withheld"))
            if (control := at(carried, "controls", key))
        ),
        warnings=tuple(
            (word(at(row, "reason"), MOST_TEXT), word(at(row, "remedy"), MOST_TEXT))
            for row in rows(at(carried, "warnings"))[:20]
        ),
        run_ms=number(at(carried, "latency_ms", "gpu")),
        cpu_ms=number(at(carried, "latency_ms", "cpu")),
        delegate=word(at(carried, "delegate")),
        distance="" if distance is None else f"{distance:.2g}",
        observed=observed,
    )


def _judgement(title: str, document: Any) -> Judgement:  # noqa: ANN401 # JSON
    return Judgement(
        title,
        word(at(document, "verdict")) or UNKNOWN,
        word(at(document, "rule")),
        word(at(document, "reason"), MOST_TEXT),
        word(at(document, "remedy"), MOST_TEXT),
        tuple(word(row) for row in rows(at(document, "missing"))[:50]),
    )
