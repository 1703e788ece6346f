"""Whether a wheel's libraries were translated for an older core, measured on their bytes."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from jetson_kit.audit.wheelfile import WheelFile
from jetson_kit.core.errors import IntegrityError
from jetson_kit.wheels.translate import gate

PROVENANCE = "jetson-provenance.json"


@dataclass(frozen=True)
class TranslationFacts:
    """What the gate says of a wheel; nothing where provenance names no translated library."""

    core: str = ""
    """The core that it was translated for (translate/cores.toml)."""
    evidence: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    """Libraries that provenance calls translated and the gate refuses."""


def look(wheel: WheelFile) -> TranslationFacts:
    """Run the gate on each library that a wheel's provenance calls translated."""
    member = next((m for m in wheel.members if m.endswith(f".dist-info/{PROVENANCE}")), "")
    try:
        rows = json.loads(wheel.text(member) or "{}").get("translated", [])
        result = [(row["path"], row["core"], row) for row in rows]
    except (ValueError, AttributeError, KeyError, TypeError):
        return TranslationFacts(trouble=(f"{member}: what it says of translation can't be read",))
    core, evidence, trouble = "", [], []
    for path, name, row in result:
        try:
            with zipfile.ZipFile(wheel.path) as archive:
                passed = gate.check(archive.read(path), name, row, PurePosixPath(path).name)
        except IntegrityError as error:
            trouble.append(error.message)
        except (KeyError, TypeError, ValueError) as error:
            trouble.append(f"{path}: its translation can't be checked ({type(error).__name__})")
        else:
            core = name
            replaced = sum(row["replaced"].values())
            evidence.append(
                f"{PurePosixPath(path).name}: translated for {passed.level} ({name}) by "
                f"{row['by']}: {replaced} instructions; gate: no other word of "
                f"code is beyond it but {passed.left} in {passed.functions} functions that are "
                f"chosen at run time, and {passed.data} words of data look like it"
            )
    return TranslationFacts(core, tuple(evidence), tuple(trouble))
