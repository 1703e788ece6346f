"""`python -m bench.solutions.nearness_program LEGACY_PYTHON MODELS DRAWS`: prints the distances.

Runs in the environment `vision`.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.solutions import stills, streams
from tests.solutions.conftest import FOLDER, KIT, kit_variables, legacy_variables, run
from tests.solutions.nearness import Row, masks, rows

PROGRAM = FOLDER / "landmarks.py"


def main() -> None:
    """Measure pictures and streams."""
    python, folder, draws = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    path = folder / "frames.npz"
    result: dict[str, Any] = {}
    for name, cases in (("pictures", stills.cases()), ("streams", streams.cases())):
        np.savez(path, **cases)
        kit = _run_program([*KIT, PROGRAM, path], kit_variables(folder))
        legacy = _run_program([python, PROGRAM, path], legacy_variables())
        noisy = _run_program([python, PROGRAM, path, "noise", draws], legacy_variables())
        runs = legacy, noisy, kit
        result[name] = _pictures(cases, *runs) if name == "pictures" else _streams(*runs)
    print(json.dumps(result))


def _run_program(command: list[Any], variables: Mapping[str, str]) -> Any:  # noqa: ANN401
    return pickle.loads(run(command, variables))  # noqa: S301 # ours


def _pictures(cases: Mapping[str, Any], *runs: Any) -> dict[str, Any]:  # noqa: ANN401
    legacy, _, kit = runs
    result: dict[str, Any] = {}
    for solution in stills.SOLUTIONS:
        for kind in stills.KINDS:
            chosen = stills.of_kind(solution, kind, cases)
            differences = masks(chosen, legacy, kit)
            for part, row in rows(chosen, *runs).items():
                name = f"{solution}.{part}" if part else solution
                result.setdefault(name, {})[kind] = _facts(row)
            if differences:
                mean = {"masks": len(differences), "mask_mean": float(f"{max(differences):.1e}")}
                result.setdefault(solution, {}).setdefault(kind, {}).update(mean)
    return result


def _streams(*runs: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        f"{case}.{part}" if part else case: _facts(row)
        for case in streams.STREAMS
        for part, row in rows([case], *runs).items()
    }


def _facts(row: Row) -> dict[str, Any]:
    """Return a row's numbers; distances in per cent."""
    percents = {
        "median": row.kit_median,
        "worst": row.kit_worst,
        "legacy_median": row.legacy_median,
        "legacy_worst": row.legacy_worst,
    }
    numbers = {name: float(f"{100 * value:.2g}") for name, value in percents.items()}
    return {"frames": row.frames, "same": row.same, "objects": len(row.kit), **numbers}


if __name__ == "__main__":
    main()
