"""Archives of kits in the cache: one that is in use by another controller stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

from jetson_kit.fleet.sites import kit_archive


def archive(folder: Path, key: str, age_s: float) -> Path:
    for suffix in (".tar", ".sha256"):
        path = folder / f"kit-amd64-3.11-{key}{suffix}"
        path.touch()
        os.utime(path, (time.time() - age_s,) * 2)
    return folder / f"kit-amd64-3.11-{key}.tar"


def test_old_archives_go_and_those_in_use_stay(tmp_path: Path) -> None:
    own, other = archive(tmp_path, "a", 9e6), archive(tmp_path, "b", 600)
    archive(tmp_path, "c", 2 * kit_archive.OTHERS_STAY_S)
    python = tmp_path / "kit-amd64-3.12-d.tar"
    python.touch()
    os.utime(python, (0, 0))
    kit_archive._forget_others(own)
    left = {path.name for path in tmp_path.glob("*.tar")}
    assert left == {own.name, other.name, python.name}
    # It counts as used from now on.
    assert own.stat().st_mtime > time.time() - 3600
