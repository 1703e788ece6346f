"""The folder of a build's files: the new one whole or the old one, whenever a build is killed."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.core.errors import BadInputError

MANIFEST = "manifest.json"


def check(output: Path) -> None:
    """Refuse a folder whose contents are not ours: publishing would replace them."""
    if not output.exists():
        return
    if not output.is_dir():
        raise BadInputError(f"{output} is not a folder", "name another with --output")
    if any(output.iterdir()) and not (output / MANIFEST).is_file():
        raise BadInputError(
            f"{output} holds files that no build wrote", "name a new or empty folder with --output"
        )


def recover(output: Path) -> None:
    """Put the old folder back where a build was killed while it was replaced."""
    old = output.with_name(f".{output.name}.old")
    if old.exists() and not output.exists():
        old.rename(output)


@contextlib.contextmanager
def replaced(output: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `output` only if the block succeeds."""
    folder = output.with_name(f".{output.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    old = output.with_name(f".{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    folder.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def linked(build: Path, folder: Path) -> Path:
    """Return a folder that stands for a build's, so that nothing is written into that one."""
    folder.mkdir(parents=True)
    document = json.loads((build / MANIFEST).read_text(encoding="utf-8"))
    shutil.copy(build / MANIFEST, folder / MANIFEST)
    (folder / document["archive"]["file"]).symlink_to(build / document["archive"]["file"])
    return folder
