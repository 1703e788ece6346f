"""The command line of `doctor`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mediapipe_jetson.doctor import causes, report, scene
from mediapipe_jetson.doctor.files import reading
from mediapipe_jetson.options import file_or_folder
from mediapipe_jetson.usage import Parser


def main(arguments: Sequence[str]) -> int:
    """Examine this place, print the findings, return the exit code."""
    parser = Parser("doctor", "Say why MediaPipe does not use the GPU here, and what to do.")
    parser.add_argument("--json", action="store_true", help=f"print JSON ({report.SCHEMA})")
    parser.add_argument(
        "--code", metavar="DIR", type=file_or_folder, help="look through this project as well"
    )
    parser.add_argument(
        "--local",
        action="store_true",
        help="with --code: judge this machine too, though it has no NVIDIA GPU",
    )
    options = parser.parse_args(arguments)
    place = reading.kernels(options.code) if options.code else ""
    if place:
        parser.error(f"argument --code: {str(options.code)!r} leads into {place}: {reading.NONE}")
    here = scene.here(options.code)
    project_only = bool(options.code) and not options.local and not here.may_have_gpu
    answers = causes.examine(here, project_only=project_only)
    document = report.document(here, answers)
    print(json.dumps(document, indent=1) if options.json else report.text(document))
    return int(document["exit_code"])
