"""The verdicts of `engines.check` for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jetson_kit.core.errors import CheckFailedError

Row = Mapping[str, Any]
HEAD = f"{'sub-model':26}{'file':18}{'off by':>9}{'allowed':>9}{'landmark':>9}{'mask':>8}  NVIDIA"


def table(rows: Sequence[Row]) -> str:
    """Return one line a file, and why a bad one is bad."""
    lines = [HEAD]
    for row in rows:
        kind = " ".join((row["precision"], row["layout"], row["batch"].replace("1", "")))
        lines.append(
            f"{row['sub_model']:26}{kind:18}{row['max_rel_err']:9.1e}{row['tolerance']:9.1e}"
            f"{_share(row['landmarks_err']):>9}{_share(row['mask_err']):>8}  {_nvidia(row)}"
        )
        lines += [f"  not equal: {reason}" for reason in row["reasons"]]
        lines += [f"  not judged: {row['unjudged']}"] if row["unjudged"] else []
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3%}"


def _nvidia(row: Row) -> str:
    named = {"parser_ok": "parsed", "builder_ok": "built", "capability_ok": "supported"}
    passed = [name for key, name in named.items() if row[key]]
    return ", ".join(passed) if any(row[key] is not None for key in named) else "not judged here"


def conclude(rows: Sequence[Row]) -> None:
    """Raise CheckFailedError that names the files that are not, or may not be, their model."""
    bad = [f"{row['sub_model']} {row['precision']}" for row in rows if row["ok"] is False]
    if bad:
        raise CheckFailedError(
            f"not equal to TFLite, or refused: {', '.join(bad)}", "the reasons stand above"
        )
    unknown = [f"{row['sub_model']} {row['precision']}" for row in rows if row["ok"] is None]
    if unknown:
        raise CheckFailedError(
            f"not judged: {', '.join(unknown)}",
            "add the model's sha256 and its photographs to jetson_kit/onnx_export/criteria.toml",
        )
