"""The command line of `doctor`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mediapipe_jetson.doctor import causes, report, scene
from mediapipe_jetson.usage import Parser


def main(arguments: Sequence[str]) -> int:
    """Examine this place, print the findings, return the exit code."""
    parser = Parser("doctor", "Say why MediaPipe does not use the GPU here, and what to do.")
    parser.add_argument("--json", action="store_true", help=f"print JSON ({report.SCHEMA})")
    parser.add_argument("--code", metavar="DIR", help="look through this project as well")
    options = parser.parse_args(arguments)
    code = Path(options.code).expanduser() if options.code is not None else None
    if code is not None and not code.exists():
        parser.error(f"{options.code} does not exist")
    here = scene.here(code)
    document = report.document(here, causes.examine(here))
    print(json.dumps(document, indent=1) if options.json else report.text(document))
    return int(document["exit_code"])
