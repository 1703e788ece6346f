"""How near mp.solutions is to MediaPipe 0.10.21, kind by kind; writes bench/nearness.json."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from bench.solutions.command import output
from jetson_kit.core import environments
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.models import bundles as models
from jetson_kit.models import legacy as legacy_models

OUT = ROOT / "bench" / "nearness.json"
SCHEMA = "mediapipe-jetson-kit/bench-nearness/1"


def run(draws: int = 5) -> dict[str, Any]:
    """Measure, and write the file; distances are per cent of the object's longer side.

    Raises StepFailedError where a program fails, and what making an environment raises.
    """
    kit, legacy = environments.python("vision"), environments.python("solutions-legacy")
    with tempfile.TemporaryDirectory(prefix="bench-nearness-") as name:
        folder = Path(name)
        for path in (*models.fetch(), *legacy_models.fetch()):
            (folder / path.name).symlink_to(path)
        arguments = [legacy, folder, str(draws)]
        text = output([kit, "-m", "bench.solutions.nearness_program", *arguments], {})
    facts = {"schema": SCHEMA, "draws": draws, **json.loads(text)}
    write_text(OUT, json.dumps(facts, indent=1) + "\n")
    return facts
