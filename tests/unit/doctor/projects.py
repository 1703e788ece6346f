"""What the doctor says of a small project: of its delegates, and of the wheels it asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.doctor_scenes import answer, judged, scene


def places(tmp_path: Path, files: dict[str, str]) -> tuple[str, list[str]]:
    """Return what is said of the wheels that a project on an Orin asks for, and where."""
    result = judged(tmp_path, files, device="orin")["old-requirement"].result
    return result.status, [item.place() for item in result.findings]


def project(tmp_path: Path, files: dict[str, str], **given: Any) -> tuple[str, str]:
    """Return what is said of the delegates of a program, and with which words."""
    here = scene(
        tmp_path,
        files={f"app/{name}": text for name, text in files.items()},
        code=tmp_path / "app",
        **given,
    )
    result = answer(here, "gpu-not-requested")
    lines = [item.text() for item in result.result.findings] or list(result.result.evidence)
    return result.result.status, "\n".join([*lines, result.cure])
