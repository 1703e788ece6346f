"""Wheels with a small library of OpenGL ES, and what the audit says of them."""

from __future__ import annotations

from pathlib import Path

from jetson_kit.audit import core, verdict
from jetson_kit.targets import table as targets
from tests.unit.tiny_wheel import GL_CODE, GL_IMPORTS, elf

LIB = "mediapipe/tasks/c/libmediapipe.so"


def audited(path: Path) -> core.Audit:
    return core.audit(path, live=False)


def gl_library(**more: object) -> bytes:
    return elf(imports=(*GL_IMPORTS, "dlopen"), texts=GL_CODE, **more)  # type: ignore[arg-type]


def all_verdicts(audit: core.Audit) -> list[verdict.Verdict]:
    return [audit.verdict(target) for target in targets.load().all]
