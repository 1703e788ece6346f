"""Whether the controls are those of the run: parts of different reports prove nothing together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

Observation = Mapping[str, Any]


def fit(
    name: str, run: Observation, cpu: Optional[Observation], withheld: Optional[Observation]
) -> dict[str, Any]:
    """Return `controls` (fit, unfit, absent) and in words what does not fit."""
    if cpu is None:
        return {"controls": "absent", "controls_detail": "not run"}
    parts = {"run": run, "CPU": cpu, **({"withheld": withheld} if withheld else {})}
    wrong = [
        f"{part} of {item.get('task')}" for part, item in parts.items() if item.get("task") != name
    ]
    for key in ("mediapipe", "picture"):
        # A process that was stopped early did not tell its version.
        if not _alike([part.get(key) for part in parts.values() if part.get(key)]):
            wrong.append(f"{key} differs")
    if run.get("control") != "none":
        wrong.append(f"the run is itself a control: {run.get('control')}")
    if cpu.get("delegate") != "CPU":
        wrong.append(f"the CPU's is on {cpu.get('delegate')}")
    if withheld and withheld.get("control") != "withheld":
        wrong.append(f"the one without driver is {withheld.get('control')}")
    detail = ", ".join(wrong) or "they fit"
    return {"controls": "unfit" if wrong else "fit", "controls_detail": detail}


def _alike(values: list[Any]) -> bool:
    return all(value == values[0] for value in values)
